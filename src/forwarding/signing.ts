// The seam for credentials that are not sent but sign the request: what is signed, what a signer gives back, and which
// placement has one. Signing is the last thing before a request is sent; nothing of it may change afterwards.
// Routes without a signature must pay nothing for it: no promise, no library loaded.

import { asRefusal, Refusal } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import type { Secret } from '../base/secret.ts';
import type { Placement } from '../credential.ts';
import type { Attempt } from './outcome.ts';
import { createSigV4 } from './sign-sigv4.ts';

/** A request exactly as it will be sent, but for the signature and what the connection adds (framing). */
export interface SignableRequest {
  readonly method: string;
  /** Scheme and authority, e.g. `https://api.example.com`; its host is the Host header. */
  readonly origin: string;
  /** Path and query. */
  readonly path: string;
  /** Flat header lines (name, value, ...), without Host and framing. */
  readonly headers: readonly string[];
  readonly body: Buffer | undefined;
}

/**
 * @returns flat header lines to add
 * @throws Refusal when no signature can be made
 */
export type SignRequest = (request: SignableRequest, secret: Secret) => Promise<readonly string[]>;

export interface SigningPorts {
  readonly clock: Clock;
  /** For tokens that are bound to a key (sign-dpop.ts). */
  readonly signDpop: SignRequest;
}

/** The signer of a placement; undefined where the credential is placed as it is. */
export type SignerFor = (placement: Placement) => SignRequest | undefined;

/** One signer per kind of signature, made at load; a library is loaded when the first route needs it. */
export function createSigning(ports: SigningPorts): SignerFor {
  const signSigV4 = createSigV4(ports);

  return function signerFor(placement) {
    if (placement.kind === 'dpop') return ports.signDpop;
    return placement.kind === 'sigv4' ? signSigV4(placement) : undefined;
  };
}

/**
 * Adds the signature of a credential that is not sent itself; everything else of the attempt is final. Ends the attempt's
 * observation where it cannot be signed.
 */
export async function signAttempt(attempt: Attempt, sign: SignRequest): Promise<void> {
  const { call, route, observation, placed, headers, bytes } = attempt;
  try {
    const { body, credential, method } = call;
    if (body.kind === 'stream' && credential.placement.kind === 'sigv4') {
      throw new Refusal('internal_fault', { detail: 'a body to sign was not read' });
    }
    if (credential.secret === undefined) throw new Refusal('secret_unavailable', { detail: 'nothing to sign with' });
    const request = { method, origin: route.origin, path: placed.path, headers, body: bytes };
    headers.push(...(await sign(request, credential.secret)));
  } catch (failure) {
    const refusal = asRefusal(failure);
    observation.ended('upstream_error', refusal);
    throw refusal;
  }
}

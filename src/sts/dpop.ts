// Proofs of possession at the embedded issuer (RFC 9449 sections 4.3 and 5): a client that sends one gets
// a token bound to its key (`cnf.jkt`), one that sends none gets a bearer token. Checked here and not by the library, whose
// own check serves only its own grants and reads the system's clock.
// Must never bind a token to a key whose proof was not made for this endpoint, just now, and for the first time.

import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { calculateJwkThumbprint, EmbeddedJWK, type JWTPayload, errors as joseErrors, jwtVerify } from 'jose';
import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { digest } from '../base/digest.ts';
import type { Clock } from '../base/ports.ts';
import { createSeen } from './assertion-store.ts';
import { dpopAlgorithms, paths } from './metadata.ts';

/** How far `iat` may be from our clock, in seconds; for twice as long a proof is remembered. */
const window = 60;

/** Longest proof read, in characters: bounds the work one header can cause. */
const maxProof = 8_192;

/** Life of a nonce, in milliseconds; the one before it is good too. */
const nonceLife = 60_000;

export interface ProofsOptions {
  /** Issuer identifier: proofs are for URLs below it and for no others. */
  readonly issuer: string;
  /** Whether a proof for the token endpoint must carry a nonce of ours (section 8). */
  readonly demandNonce: boolean;
  readonly clock: Clock;
}

export interface Binding {
  /** Claims to add to the token that is issued. */
  readonly claims: { readonly cnf?: { readonly jkt: string } };
  readonly tokenType: 'Bearer' | 'DPoP';
}

/**
 * @returns what a token issued to this request is bound to
 * @throws errors.InvalidDpopProof, errors.UseDpopNonce
 */
export type CheckProof = (ctx: KoaContextWithOIDC) => Promise<Binding>;

/** A request to a protected resource of the issuer's own. */
export interface ProvenRequest {
  readonly method: string;
  readonly path: string;
  readonly token: string;
}

export interface Proofs {
  readonly checkProof: CheckProof;
  /** @returns the thumbprint of the key that the proof proves for this request; undefined where it proves nothing */
  proverOf(proof: string, request: ProvenRequest): Promise<string | undefined>;
}

const unbound: Binding = { claims: {}, tokenType: 'Bearer' };

export function createProofs({ issuer, demandNonce, clock }: ProofsOptions): Proofs {
  const seen = createSeen(clock);
  const nonces = createNonces(clock);

  function checkNonce({ nonce }: JWTPayload, ctx: KoaContextWithOIDC): void {
    if (nonce !== nonces.current()) ctx.set('dpop-nonce', nonces.current());
    if (!nonces.isOurs(nonce)) throw new errors.UseDpopNonce('a nonce is required in the DPoP proof');
  }

  function checkNew({ iat, jti }: JWTPayload, thumbprint: string): void {
    if (typeof iat !== 'number' || Math.abs(clock.now() / 1_000 - iat) > window) throw invalid('is not recent');
    if (typeof jti !== 'string' || jti === '') throw invalid('has no jti');
    const id = digest([thumbprint, jti]);
    if (seen.has(id)) throw invalid('was used before');
    if (!seen.add(id, 2 * window)) throw new errors.TemporarilyUnavailable();
  }

  async function prove(proof: string, method: string, path: string): Promise<Proof> {
    const proven = await verified(proof, clock);
    const { htm, htu } = proven.claims;
    if (htm !== method || htu !== issuer + path) throw invalid('is for another request');
    return proven;
  }

  return {
    async checkProof(ctx) {
      const proof = ctx.get('dpop');
      if (proof === '') return unbound;
      const { claims, thumbprint } = await prove(proof, 'POST', paths.token);
      if (demandNonce) checkNonce(claims, ctx);
      checkNew(claims, thumbprint);
      return { claims: { cnf: { jkt: thumbprint } }, tokenType: 'DPoP' };
    },
    async proverOf(proof, { method, path, token }) {
      try {
        const { claims, thumbprint } = await prove(proof, method, path);
        if (claims['ath'] !== hash('sha256', token, 'base64url')) return undefined;
        checkNew(claims, thumbprint);
        return thumbprint;
      } catch (failure) {
        if (failure instanceof errors.OIDCProviderError) return undefined;
        throw failure;
      }
    },
  };
}

interface Proof {
  readonly claims: JWTPayload;
  readonly thumbprint: string;
}

async function verified(proof: string, clock: Clock): Promise<Proof> {
  if (proof.length > maxProof) throw invalid('is too long');
  try {
    const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
      algorithms: dpopAlgorithms,
      typ: 'dpop+jwt',
      currentDate: new Date(clock.now()),
    });
    return { claims: payload, thumbprint: await calculateJwkThumbprint(protectedHeader.jwk ?? {}) };
  } catch (failure) {
    // A key that is none fails in WebCrypto and not in jose, with a DOMException.
    const kinds = [joseErrors.JOSEError, TypeError, DOMException];
    if (kinds.some((kind) => failure instanceof kind)) throw invalid('is not valid');
    throw failure;
  }
}

function invalid(what: string): Error {
  return new errors.InvalidDpopProof(`the DPoP proof ${what}`);
}

/** Nonces that need no memory: a code over the time they were given in. */
function createNonces(clock: Clock) {
  const key = randomBytes(32);
  const nonceOf = (period: number) => createHmac('sha256', key).update(String(period)).digest('base64url');
  const period = () => Math.floor(clock.now() / nonceLife);
  return {
    current: () => nonceOf(period()),
    isOurs(nonce: unknown): boolean {
      if (typeof nonce !== 'string') return false;
      return [period(), period() - 1].some((at) => isSame(nonce, nonceOf(at)));
    },
  };
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

// Workload identity federation at a vendor: a JWT of an issuer the vendor was told to trust, for a token of the vendor's own.
// What the vendors share stands here once; what differs (endpoint, names, encoding) is data in the grant of each.
// No vendor takes an actor token, so none is ever sent: the chain is in the JWT and in the records. Vendors' tokens are
// opaque or meant for them alone, so nothing in them is compared: `verify` does not apply, and the records say so.

import * as z from 'zod';
import { Refusal } from '../base/errors.ts';
import { httpUrl } from '../base/scalars.ts';
import type { Grant, GrantPorts, GrantTraits, Hop, HopToken, Input } from './grant.ts';
import { reportUnprotected, subjectShape, timeoutShape } from './issuer-schema.ts';
import type { Encoding } from './message.ts';
import { sourceOf } from './sources/compile.ts';
import { createTokenEndpoint } from './token-endpoint.ts';
import type { ReasonOfCode } from './token-error.ts';

/** Longest subject token, in characters: vendors refuse longer ones (Anthropic and OpenRouter say 16 KiB), after a round trip. */
const maxSubjectLength = 16 * 1024;

/** Options every federation has. @param endpoint the vendor's own, always the same */
export function federationShape(endpoint: string) {
  return {
    ...timeoutShape,
    ...subjectShape,
    token_endpoint: httpUrl
      .default(endpoint)
      .describe("The vendor's token endpoint; another one for tests and private instances."),
  };
}

export const vendorId = z.string().regex(/^[\x21-\x7e]{1,256}$/, 'is not an identifier');

export interface FederationOptions {
  readonly token_endpoint: string;
  readonly timeout: number;
  readonly subject_source?: string | undefined;
}

export interface Vendor extends Omit<GrantTraits, 'source' | 'next' | 'introspect'> {
  readonly type: string;
  readonly issuer?: string | undefined;
  readonly clientId?: string | undefined;
  readonly encoding: Encoding;
  readonly headers?: Readonly<Record<string, string>>;
  /** Everything that is sent, `grant_type` and the subject token included. */
  readonly inputs: (hop: Hop) => readonly Input[];
  /** Error codes of the vendor's own. */
  readonly reasons?: ReasonOfCode;
}

export function createFederation(vendor: Vendor, options: FederationOptions, ports: GrantPorts): Grant {
  const { type, issuer, clientId, encoding, headers = {}, inputs, reasons, ...traits } = vendor;
  const { token_endpoint: endpoint, timeout } = options;
  reportUnprotected(endpoint, 'token_endpoint', ports.report);
  const place = { issuer: endpoint, tokenEndpoint: endpoint };
  const ask = createTokenEndpoint({
    locate: async () => place,
    clientId,
    authenticate: () => {}, // the subject token is the only proof
    clientSecret: undefined,
    send: ports.send,
    timeoutMs: timeout,
    encoding,
    headers,
    ...(reasons !== undefined && { reasons }),
  });
  const source = sourceOf(options.subject_source, ports);

  return {
    bearerOnly: true,
    ...traits,
    type,
    kind: source === undefined ? 'exchanged' : 'client_credentials',
    issuer: issuer ?? new URL(endpoint).origin,
    endpoint,
    clientId,
    verifies: false,
    source,
    plan: inputs,
    async obtain(hop, { traceparent }) {
      refuseOversize(hop.subject, maxSubjectLength, type);
      return ask(inputs(hop), { traceparent, subject: hop.subject });
    },
    prepare: async () => {},
  };
}

/** @param max characters @param type of the grant. @throws Refusal: only who presented the token can mend it */
export function refuseOversize({ token, origin }: HopToken, max: number, type: string): void {
  if (token.length <= max) return;
  const detail = `${type}: the subject token is longer than ${max} characters`;
  if (origin === 'call') throw new Refusal('subject_token_rejected', { detail });
  throw new Refusal('exchange_misconfigured', { detail, retryAfter: 1 });
}

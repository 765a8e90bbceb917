// Reads a successful token answer (RFC 6749 section 5.1, RFC 8693 section 2.2.1) strictly: what is placed on a request
// later must be a bounded, printable bearer token. Unknown members are ignored, a refresh token is never kept.
// An odd answer with status 200 happens when issuers restart (envoy#42009); it is malformed, and the broker asks again.

import * as z from 'zod';
import { Refusal } from '../base/errors.ts';
import type { SendResponse } from '../base/ports.ts';
import { Secret } from '../base/secret.ts';
import type { Issued } from './grant.ts';
import { parseJson } from './json.ts';
import { defaultRetryAfter } from './token-error.ts';
import { refreshTokenType } from './token-type.ts';

/** Longest token accepted, in characters: more does not fit in the header block of common servers. */
const maxTokenLength = 16 * 1024;

/** Longest lifetime believed, in seconds (ten years): beyond it arithmetic on dates goes wrong. */
const maxLifetime = 315_360_000;

const seconds = z.union([
  z.number(),
  z
    .string()
    .regex(/^\d{1,10}$/)
    .transform(Number), // Entra v1, some Keycloak extensions
]);

const tokenAnswer = z.object({
  // Visible ASCII only: anything else could end the header line it is placed on.
  access_token: z
    .string()
    .max(maxTokenLength)
    .regex(/^[\x21-\x7e]+$/),
  token_type: z.string().max(64),
  expires_in: seconds.pipe(z.number().min(0).max(maxLifetime)).optional(),
  scope: z.string().max(8_192).optional(),
  issued_token_type: z.string().max(256).optional(),
});

/**
 * @param tokenTypes what the token may be: by default one that whoever holds it can use, or none for access
 * @throws Refusal `issuer_answer_malformed`, or `issued_token_type_refused` for a token of another type
 */
export function readTokenAnswer(answer: SendResponse, tokenTypes: TokenTypes = unbound): Issued {
  const json = parseJson(answer);
  if (json === undefined) throw malformed('the answer is not JSON');
  const parsed = tokenAnswer.safeParse(json);
  if (!parsed.success)
    throw malformed(`"${parsed.error.issues[0]?.path.join('.') || 'answer'}" is missing or malformed`);

  const { access_token, token_type, expires_in, scope, issued_token_type } = parsed.data;
  refuseUnusable(token_type, issued_token_type, tokenTypes);
  return {
    token: new Secret(access_token),
    issuedTokenType: issued_token_type,
    isAccessToken: !/^n_a$/i.test(token_type),
    expiresIn: expires_in,
    scopes: scope?.split(' ').filter((value) => value !== ''),
  };
}

interface TokenTypes {
  readonly accepted: RegExp;
  readonly otherwise: string;
}

/** `N_A` is RFC 8693's word for a token that is no access token. A DPoP-bound one would need a proof we cannot make. */
const unbound: TokenTypes = { accepted: /^(?:bearer|n_a)$/i, otherwise: 'token_type is neither Bearer nor N_A' };

/** RFC 9449 section 5: whoever asked with a proof and is answered `Bearer` was given a token that any thief can use. */
export const boundTokens: TokenTypes = { accepted: /^dpop$/i, otherwise: 'token_type is not DPoP' };

function refuseUnusable(tokenType: string, issuedTokenType: string | undefined, tokenTypes: TokenTypes): void {
  const { accepted, otherwise } = tokenTypes;
  if (!accepted.test(tokenType)) throw new Refusal('issued_token_type_refused', { detail: otherwise });
  if (issuedTokenType === refreshTokenType) {
    throw new Refusal('issued_token_type_refused', { detail: 'a refresh token was issued' });
  }
}

function malformed(detail: string): Refusal {
  return new Refusal('issuer_answer_malformed', { detail: `token endpoint: ${detail}`, retryAfter: defaultRetryAfter });
}

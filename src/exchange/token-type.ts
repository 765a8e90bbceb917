// Token type identifiers (RFC 8693 section 3): short names in the configuration, URIs on the wire.
// Must never let a refresh token be asked for or handed on: it would be standing privilege again.

import * as z from 'zod';

const prefix = 'urn:ietf:params:oauth:token-type:';

/** Short names: RFC 8693 section 3, `id-jag` (identity assertion authorization grant), `txn_token` (transaction tokens). */
const shortNames = ['access_token', 'jwt', 'id_token', 'saml2', 'id-jag', 'txn_token'] as const;

export const accessTokenType = `${prefix}access_token`;
export const refreshTokenType = `${prefix}refresh_token`;
export const jwtType = `${prefix}jwt`;
export const idTokenType = `${prefix}id_token`;
export const idJagType = `${prefix}id-jag`;

/** A short name or an absolute URI -> the URI. */
export const tokenType = z
  .union([
    z.enum(shortNames),
    z
      .string()
      .regex(
        /^[a-z][a-z0-9+.-]*:[\x21\x23-\x5b\x5d-\x7e]{1,200}$/,
        `is not a token type; write ${shortNames.join(', ')} or a URI`,
      )
      .refine((uri) => uri !== refreshTokenType, 'asks for a refresh token, which would be standing privilege'),
  ])
  .transform((name) => (name.includes(':') ? name : prefix + name))
  .meta({ title: 'token type', examples: ['access_token', 'jwt', `${prefix}jwt`] });

/**
 * Whether an issuer's answer is of the type asked for. An access token that is a JWT may be called either
 * (RFC 8693 section 3: "jwt" says the form, "access_token" the use), and the type may be left out by older issuers.
 */
export function isTypeAskedFor(issued: string | undefined, requested: string): boolean {
  if (issued === undefined || issued === requested) return true;
  const interchangeable = [accessTokenType, jwtType];
  return interchangeable.includes(issued) && interchangeable.includes(requested);
}

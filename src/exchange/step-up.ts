// A demand for a stronger or fresher sign-in of the user, and the challenge that carries it back to the client
// (RFC 9470; `claims` as Microsoft Entra sends it, told to clients as Entra's own resources do: base64 in `claims`, with
// `error="insufficient_claims"`). What the issuer wrote goes into a header of ours only after it was checked against the
// characters a quoted string may hold, or encoded.

import type { ErrorAnswer } from './error-answer.ts';

const stepUpCodes = new Set([
  'insufficient_user_authentication', // RFC 9470
  'insufficient_claims', // Entra, claims challenge
  'interaction_required', // OpenID Connect Core section 3.1.2.6
  'login_required',
  'consent_required',
]);

/** Longest claims request passed on, in characters before encoding: it becomes a response header. */
const maxClaims = 2_048;

export function isStepUp({ error, claims, acr_values }: Pick<ErrorAnswer, 'error' | 'claims' | 'acr_values'>): boolean {
  return stepUpCodes.has(error) || isGiven(claims) || isGiven(acr_values);
}

/** Some issuers always write the member, empty when they ask for nothing. */
function isGiven(member: unknown): boolean {
  return member !== undefined && member !== null && member !== '';
}

/** Parameters of a WWW-Authenticate challenge, without the scheme. */
export function challengeOf({ claims, acr_values, max_age }: Omit<ErrorAnswer, 'error'>): string {
  if (isGiven(claims)) {
    const text = typeof claims === 'string' ? claims : JSON.stringify(claims);
    const fits = text.length <= maxClaims;
    return fits ? `error="insufficient_claims", claims="${Buffer.from(text).toString('base64')}"` : plain;
  }
  const parts = [plain];
  // Space-separated acr values; no quote or backslash, so that the quoted string cannot be left.
  if (typeof acr_values === 'string' && /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,256}$/.test(acr_values)) {
    parts.push(`acr_values="${acr_values}"`);
  }
  if (/^\d{1,9}$/.test(String(max_age))) parts.push(`max_age="${max_age}"`);
  return parts.join(', ');
}

const plain = 'error="insufficient_user_authentication"';

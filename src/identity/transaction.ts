// Transaction tokens (draft-ietf-oauth-transaction-tokens-10): made inside one trust domain for one transaction, and carried in
// their own header. They say what a call is about and for whom; they prove nothing about who presents them.
// Must never accept one outside the domains that are configured, or a token of another kind in its place.

import { Refusal } from '../base/errors.ts';
import type { JsonObject } from '../principal.ts';
import { isName } from './delegation.ts';
import type { TokenShape } from './token-shape.ts';
import type { Trust, TrustEntry } from './trust.ts';

/**
 * Longest life, in seconds. The draft asks for minutes or less: it is a bearer token for a whole domain, and one that lives for
 * days is a standing key to it.
 */
const maxLife = 3_600;

/**
 * The configured trust domain a token is for: its one audience ("JWT Body Claims"). Its `sub` is named within that domain,
 * whether or not there is an `iss`.
 * @throws Refusal token_type_refused, token_audience_mismatch, token_issuer_unknown
 */
export function pickDomain(trust: Trust, { issuer, audiences }: TokenShape): TrustEntry {
  const [domain, ...others] = audiences;
  const entry = trust.domains.find(({ config }) => config.audiences[0] === domain);
  if (entry === undefined || others.length > 0) {
    throw new Refusal('token_audience_mismatch', { detail: audiences.join(' ') });
  }
  if (issuer !== undefined && issuer !== entry.config.issuer) {
    throw new Refusal('token_issuer_unknown', { detail: issuer });
  }
  return entry;
}

/**
 * Claims every transaction token has besides those of any token ("JWT Body Claims").
 * @throws Refusal token_claims_invalid
 */
export function checkTransaction({ iat, exp, txn, scope, req_wl: requester }: JsonObject): void {
  const missing = [
    ...(isName(txn) ? [] : ['txn']),
    ...(typeof scope === 'string' && scope !== '' ? [] : ['scope']),
    ...(isName(requester) ? [] : ['req_wl']),
    ...(typeof iat === 'number' && typeof exp === 'number' && exp - iat <= maxLife ? [] : ['iat']),
  ];
  if (missing.length > 0) throw new Refusal('token_claims_invalid', { detail: missing.join(' ') });
}

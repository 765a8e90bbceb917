// Turns the claims of a token whose signature held into what the stages work with. Pure: claims in, facts out.
// Must never pass on an identity that cannot be printed, compared and stored as it is.

import { Refusal } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import type { Json, JsonObject, PrincipalKind, VerifiedToken } from '../principal.ts';
import { isName, readActors } from './delegation.ts';
import { isJsonObject } from './strict-json.ts';
import type { TokenShape } from './token-shape.ts';
import type { TrustEntry } from './trust.ts';

/** Most scope values read; they are compared one by one. */
const maxScopes = 256;

/** Latest `exp`, in seconds: the year 9999. A later one is no date, and breaks whoever prints it. */
const latestExpiry = 253_402_300_799;

/**
 * @throws Refusal token_claims_invalid, token_sender_constrained, token_not_yet_valid, principal_kind_undecided, chain_malformed, chain_too_deep
 * @param now milliseconds since the epoch
 */
export function readVerified(token: Secret, shape: TokenShape, entry: TrustEntry, now: number): VerifiedToken {
  const { claims, audiences } = shape;
  const { sub, exp, jti, txn } = claims;
  if (!isName(sub)) throw invalid('sub');
  if (jti !== undefined && !isName(jti)) throw invalid('jti');
  if (txn !== undefined && !isName(txn)) throw invalid('txn');
  if (typeof exp !== 'number' || !(exp > 0 && exp <= latestExpiry)) throw invalid('exp');
  checkUnbound(claims['cnf'], entry);
  checkIssuedAt(claims['iat'], exp, now + entry.config.clock_skew);
  return {
    token,
    // The configured text of the issuer, which was found by it: one text for all, so that comparing two reads neither.
    principal: { kind: kindOf(claims, entry), iss: entry.config.issuer, sub, claims },
    actors: readActors(claims['act']),
    audiences,
    scopes: readScopes(claims['scope'] ?? claims['scp']),
    mayAct: readMayAct(claims['may_act']),
    expiresAt: exp,
    jti,
    // Drafts of transaction tokens have this for "none": as an id it would join everything there is.
    txn: txn === 'N_A' ? undefined : txn,
    trust: entry.config.name,
  };
}

/**
 * RFC 7800: a token with `cnf` is for whoever proves the key it names (RFC 9449 DPoP, RFC 8705 certificates), and for nobody
 * else. The gate takes no such proof, and to its holder alone the token must be worth nothing.
 */
function checkUnbound(cnf: Json | undefined, { config }: TrustEntry): void {
  if (cnf === undefined || config.insecure_accept_bound_tokens) return;
  const names = isJsonObject(cnf) ? Object.keys(cnf).join(' ') : 'cnf';
  throw new Refusal('token_sender_constrained', {
    detail: `bound to a key by ${names}, presented without proof of it`,
  });
}

/** A token from the future or that expired before it was issued was not made by a sane issuer. */
function checkIssuedAt(iat: Json | undefined, exp: number, latest: number): void {
  if (iat === undefined) return;
  if (typeof iat !== 'number' || iat > exp) throw invalid('iat');
  if (iat * 1_000 > latest) throw new Refusal('token_not_yet_valid', { detail: 'iat is in the future' });
}

function kindOf(claims: JsonObject, entry: TrustEntry): PrincipalKind {
  try {
    return entry.isWorkload(claims) ? 'workload' : 'user';
  } catch (cause) {
    if (cause instanceof Refusal) throw cause;
    throw new Refusal('principal_kind_undecided', { detail: `trust entry ${entry.config.name}`, cause });
  }
}

/** `scope` is one string (RFC 8693 section 4.2); `scp` and lists are what Entra and Okta write. */
function readScopes(scope: Json | undefined): readonly string[] | undefined {
  if (scope === undefined) return undefined;
  const values = typeof scope === 'string' ? scope.split(' ').filter((value) => value !== '') : scope;
  if (!Array.isArray(values) || values.length > maxScopes || !values.every((value) => typeof value === 'string')) {
    throw invalid('scope');
  }
  return values;
}

/** A `may_act` of any other shape stays a restriction that names nobody. */
function readMayAct(mayAct: Json | undefined): JsonObject | undefined {
  if (mayAct === undefined) return undefined;
  return isJsonObject(mayAct) ? mayAct : {};
}

function invalid(claim: string): Refusal {
  return new Refusal('token_claims_invalid', { detail: claim });
}

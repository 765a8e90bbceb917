// What is asked of tokens this sidecar holds for its agent: when two of them say the same, and whom one concerns.
// Never by a token's bytes (a refreshed token keeps its session: toolhive#5306), and never by `sub` alone.

import { digest } from '../base/digest.ts';
import type { VerifiedToken } from '../principal.ts';

/** A party of a delegation chain; `iss` undefined stands for every issuer. */
export interface Member {
  readonly iss: string | undefined;
  readonly sub: string;
}

/** Claims that differ between a token and its refreshed successor, and allow nothing (RFC 7519 section 4.1). */
const passing = new Set(['exp', 'iat', 'nbf', 'jti']);

/** Digest of all that a token allows, without its times and ids: equal for a token and its refreshed successor. */
export function authorityOf({ trust, principal, actors, audiences, scopes, mayAct }: VerifiedToken): string {
  const claims = Object.entries(principal.claims)
    .filter(([name]) => !passing.has(name))
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return digest([
    trust,
    principal.kind,
    principal.iss,
    principal.sub,
    actors.map((actor) => JSON.stringify(actor.claims)),
    audiences.toSorted(),
    scopes?.toSorted(),
    mayAct === undefined ? undefined : JSON.stringify(mayAct),
    // Policy may read any claim: a token with another role or tenant is another authority.
    JSON.stringify(claims),
  ]);
}

/** Whether this party is the token's subject or one of its actors. An actor without issuer could be of any. */
export function concerns({ principal, actors }: VerifiedToken, member: Member): boolean {
  return [principal, ...actors].some(
    ({ iss, sub }) => sub === member.sub && (iss === undefined || member.iss === undefined || iss === member.iss),
  );
}

// Who may act for whom: ties actor and subject together, and grows the chain (RFC 8693 sections 4.1 and 4.4).
// Must never let an actor be joined to a subject token that was neither addressed to it nor names it (chain splicing:
// two honest tokens of different flows give a validly signed false chain), and never drop or cut a prior actor.

import { errors } from 'oidc-provider';
import type { Json, JsonObject } from '../../principal.ts';
import type { OwnToken } from '../tokens.ts';

/** Most actors in an issued chain. Stops a loop of agents from growing a token without end; refused, never cut. */
export const maxActors = 8;

/** A party as `aud` and `may_act` can name it. */
export interface Party {
  readonly iss: string;
  readonly sub: string;
  readonly clientId: string | undefined;
}

/**
 * Whether the subject token lets this party act. A `may_act` claim, where there is one, is the whole answer; otherwise the
 * token must be addressed to the party.
 * @throws errors.InvalidRequest: an unacceptable subject or actor token (RFC 8693 section 2.2.2).
 */
export function expectBound(subject: OwnToken, party: Party, role: 'actor' | 'client'): void {
  if (subject.mayAct !== undefined) {
    if (namedByMayAct(subject.mayAct, party)) return;
    throw new errors.InvalidRequest(`subject_token is not acceptable: its may_act does not name the ${role}`);
  }
  if (addressedTo(subject, party)) return;
  throw new errors.InvalidRequest(`subject_token is not acceptable: its aud does not contain the ${role}`);
}

export function addressedTo(token: OwnToken, party: Party): boolean {
  return (
    token.audiences.includes(party.sub) || (party.clientId !== undefined && token.audiences.includes(party.clientId))
  );
}

/** Every identifying member that `may_act` has must match, and it must have one that tells parties apart. */
function namedByMayAct(mayAct: unknown, party: Party): boolean {
  if (!isObject(mayAct)) return false;
  const expected = new Map<string, string | undefined>([
    ['iss', party.iss],
    ['sub', party.sub],
    ['client_id', party.clientId],
  ]);
  const said = [...expected].filter(([name]) => Object.hasOwn(mayAct, name));
  return said.some(([name]) => name !== 'iss') && said.every(([name, value]) => mayAct[name] === value);
}

/**
 * The chain of the issued token: the new actor outermost, the subject token's own chain inside it, verbatim.
 * @param actor undefined when nobody is added; a chain that exists is kept all the same.
 * @throws errors.InvalidRequest when the prior chain is malformed or the new one too deep.
 */
export function growChain(prior: unknown, actor: OwnToken | undefined): JsonObject | undefined {
  const inner = readChain(prior);
  if (actor === undefined) return inner;
  if (depthOf(inner) + 1 > maxActors) {
    throw new errors.InvalidRequest(`subject_token is not acceptable: its chain already has ${maxActors} actors`);
  }
  return { sub: actor.sub, iss: actor.iss, ...(inner === undefined ? {} : { act: inner }) };
}

function readChain(act: unknown): JsonObject | undefined {
  if (act === undefined) return undefined;
  let depth = 0;
  for (let level: unknown = act; level !== undefined; level = level['act']) {
    depth += 1;
    if (!isObject(level) || typeof level['sub'] !== 'string' || depth > maxActors) {
      throw new errors.InvalidRequest('subject_token is not acceptable: its act claim is malformed or too deep');
    }
  }
  return isObject(act) ? act : undefined;
}

function depthOf(act: Json | undefined): number {
  let depth = 0;
  for (let level = act; isObject(level); level = level['act']) depth += 1;
  return depth;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

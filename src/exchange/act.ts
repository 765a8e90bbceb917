// Reads the `act` claim of an issued token (RFC 8693 section 4.1) as a flat list, outermost actor first.
// Must never shorten a chain: what cannot be read whole is not read at all.

import type { Actor, JsonObject } from '../principal.ts';

/** Deepest chain read: nesting is attacker-shaped input to whatever walks it. */
const maxDepth = 32;

/** undefined when it is no well-formed chain; empty when there is no `act`. */
export function readActors(act: unknown): readonly Actor[] | undefined {
  const actors: Actor[] = [];
  let rest = act;
  while (rest !== undefined) {
    if (actors.length >= maxDepth || !isJsonObject(rest)) return undefined;
    const { act: inner, ...claims } = rest;
    const { sub, iss } = claims;
    if (typeof sub !== 'string' || (iss !== undefined && typeof iss !== 'string')) return undefined;
    actors.push({ sub, iss, claims });
    rest = inner;
  }
  return actors;
}

/** What `JSON.parse` gave is JSON all the way down. */
function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

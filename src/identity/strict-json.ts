// Parses JSON that a signature covers, refusing what readers understand differently: duplicate members and deep nesting.
// RFC 7519 section 4 lets a reader take the last duplicate; another takes the first, and sees another `sub`.

import { Refusal } from '../base/errors.ts';
import type { Json } from '../principal.ts';

/** Deepest nesting of a token's header or claims; stops stack exhaustion further on. A chain of 16 actors fits. */
const maxDepth = 32;

/**
 * @returns the value
 * @throws Refusal token_malformed
 */
export function parseStrictJson(text: string): Json {
  const value = parse(text);
  refuseDuplicates(text);
  return value;
}

export function isJsonObject(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parse(text: string): Json {
  try {
    const value: Json = JSON.parse(text);
    return value;
  } catch {
    throw new Refusal('token_malformed', { detail: 'not JSON' });
  }
}

/** Walks the tokens of a text already known to be JSON, so that strings and punctuation are all there is to look at. */
function refuseDuplicates(text: string): void {
  const open: (Set<string> | undefined)[] = [];
  let lastString = '';
  for (const [token] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:]/g)) {
    if (token === '{' || token === '[') {
      if (open.push(token === '{' ? new Set() : undefined) > maxDepth) {
        throw new Refusal('token_malformed', { detail: 'nested too deeply' });
      }
    } else if (token === '}' || token === ']') open.pop();
    else if (token !== ':') lastString = token;
    else remember(open.at(-1), lastString);
  }
}

function remember(members: Set<string> | undefined, literal: string): void {
  // Decoded, since "\u0073ub" and "sub" are one name.
  const name: string = JSON.parse(literal);
  if (members === undefined || members.has(name)) throw new Refusal('token_malformed', { detail: 'duplicate member' });
  members.add(name);
}

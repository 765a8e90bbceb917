// Verified claims as CEL values: maps for objects (no prototype to reach: claims named `__proto__` or `constructor` are
// plain entries), whole numbers for JSON integers. Converted when first asked for and kept with the claims they came from.
// Must never hand an unbounded structure to an expression.

import type { Json, JsonObject } from '../principal.ts';

/** Longest list a rule may iterate; stops a token with a huge list claim from stretching every decision. */
export const maxListItems = 1_024;

/** Values in all claims together; with the list bound it bounds what comparing or iterating claims can cost. */
const maxValues = 4_096;

/** Nesting; stops a deeply nested claim from exhausting the stack. */
const maxDepth = 16;

export type CelValue = string | number | bigint | boolean | null | readonly CelValue[] | ReadonlyMap<string, CelValue>;
export type CelMap = ReadonlyMap<string, CelValue>;

const converted = new WeakMap<JsonObject, CelMap>();

/** @throws RangeError when a bound is exceeded: the rule that asked fails, and with it the call. */
export function celClaims(claims: JsonObject): CelMap {
  const known = converted.get(claims);
  if (known !== undefined) return known;
  const made = mapOf(claims, { values: maxValues }, 0);
  converted.set(claims, made);
  return made;
}

interface Budget {
  values: number;
}

function celValue(value: Json, budget: Budget, depth: number): CelValue {
  budget.values -= 1;
  if (budget.values < 0) throw new RangeError(`claims hold more than ${maxValues} values`);
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= maxDepth) throw new RangeError(`claims are nested deeper than ${maxDepth}`);
  return isList(value) ? listOf(value, budget, depth) : mapOf(value, budget, depth);
}

function listOf(list: readonly Json[], budget: Budget, depth: number): CelValue {
  if (list.length > maxListItems) throw new RangeError(`a claim lists more than ${maxListItems} items`);
  return list.map((item) => celValue(item, budget, depth + 1));
}

function mapOf(object: JsonObject, budget: Budget, depth: number): CelMap {
  const map = new Map<string, CelValue>();
  for (const [name, value] of Object.entries(object)) map.set(name, celValue(value, budget, depth + 1));
  return map;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

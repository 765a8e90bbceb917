// What the schema found wrong, as configuration problems. Messages of the features' schemas read `what; mend` and are taken
// as they are; wording.ts words what the schema library says by itself.

import type { z } from 'zod';
import { nearest } from '../base/nearest.ts';
import type { Problem } from '../base/problem.ts';
import { acceptedForms, keysOf, wording } from './wording.ts';

export interface SchemaProblem extends Problem {
  /** Whether the problem is the key itself rather than its value. */
  readonly isKey: boolean;
}

/** Checks the value. Returns the parsed configuration or every problem. */
export function checkSchema<T extends z.ZodType>(
  schema: T,
  value: unknown,
): { readonly config: z.output<T> } | { readonly problems: readonly SchemaProblem[] } {
  const knownKeys: KnownKeys = new Map();
  const parsed = schema.safeParse(value, {
    error: (issue) => {
      if (issue.code === 'unrecognized_keys') {
        const unknown = String(issue.keys);
        knownKeys.set(unknown, [...(knownKeys.get(unknown) ?? []), ...keysOf(issue.inst)]);
      }
      return wording(issue);
    },
  });
  if (parsed.success) return { config: parsed.data };
  return { problems: parsed.error.issues.flatMap((issue) => problemsOf(issue, [], knownKeys)) };
}

/** Keys the schema knows where it met keys it does not know, by the latter. */
type KnownKeys = Map<string, readonly string[]>;

function problemsOf(issue: z.core.$ZodIssue, above: Problem['path'], knownKeys: KnownKeys): SchemaProblem[] {
  const path = [...above, ...issue.path.map((step) => (typeof step === 'number' ? step : String(step)))];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey([...path, key], key, knownKeys.get(String(issue.keys)) ?? []));
    case 'invalid_key':
      return [problem(path, issue.issues[0]?.message ?? issue.message, true)];
    case 'invalid_union':
      return unionProblems(issue, path, knownKeys);
    default:
      return [problem(path, issue.message, false)];
  }
}

/** A union of forms: where the value has the kind of one form, that form's problems; else what the forms are. */
function unionProblems(
  issue: Extract<z.core.$ZodIssue, { code: 'invalid_union' }>,
  path: Problem['path'],
  knownKeys: KnownKeys,
): SchemaProblem[] {
  if (issue.errors.length === 0) return [problem(path, issue.message, false)];
  const meant = issue.errors.filter((branch) => !branch.some(isOtherKind));
  const [closest] = meant.toSorted((a, b) => a.length - b.length);
  if (closest === undefined) return [problem(path, acceptedForms(issue.errors), false)];
  return closest.flatMap((inner) => problemsOf(inner, path, knownKeys));
}

/** The value is not of this form's kind at all. */
function isOtherKind({ path, code }: z.core.$ZodIssue): boolean {
  return path.length === 0 && (code === 'invalid_type' || code === 'invalid_value');
}

function unknownKey(path: Problem['path'], key: string, known: readonly string[]): SchemaProblem {
  const close = nearest(key, known);
  const mend = close === undefined ? `known: ${[...new Set(known)].sort().join(', ')}` : `did you mean ${close}?`;
  return { path, what: 'is not an option', mend, isKey: true };
}

function problem(path: Problem['path'], message: string, isKey: boolean): SchemaProblem {
  const cut = message.indexOf('; ');
  return cut === -1
    ? { path, what: message, isKey }
    : { path, what: message.slice(0, cut), mend: message.slice(cut + 2), isKey };
}

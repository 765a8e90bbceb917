// The schema library's own complaints in words that say how to mend them: `what; mend`.
// Must never quote a value: it may have come from a secret file.

import { globalRegistry, type z } from 'zod';
import { nearest } from '../base/nearest.ts';

/** Words for a raw issue; undefined where the schema's own message says it already. */
export function wording(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return missing(issue.inst);
      if (issue.expected === 'string' && typeof issue.input !== 'object') return unquoted;
      return `is ${kindOf(issue.input)}; write ${kinds[issue.expected] ?? issue.expected}`;
    case 'invalid_value':
      return choice(issue.input, issue.values.map(String));
    case 'invalid_union':
      return unionWording(issue);
    case 'too_small':
      return `${amount(issue.origin, 'fewer')} than ${issue.minimum}`;
    case 'too_big':
      return `${amount(issue.origin, 'more')} than ${issue.maximum}`;
    case 'invalid_format':
      return 'has not the right form';
    default:
      return undefined;
  }
}

/** Keys an object schema knows. */
export function keysOf(schema: unknown): readonly string[] {
  if (!isSchema(schema)) return [];
  const definition = schema._zod.def;
  const shape = 'shape' in definition ? definition.shape : undefined;
  return typeof shape === 'object' && shape !== null ? Object.keys(shape) : [];
}

/** What would have been accepted where no form of a union was: the words and kinds of its branches. */
export function acceptedForms(branches: readonly (readonly z.core.$ZodIssue[])[]): string {
  const forms = branches.flatMap(([first]) => {
    if (first?.code === 'invalid_value') return first.values.map(String);
    return first?.code === 'invalid_type' ? [kinds[first.expected] ?? first.expected] : [];
  });
  return `has none of the accepted forms; write ${[...new Set(forms)].join(', ')}`;
}

const unquoted = 'is not a text; put it in quotes, or give it its unit (30s, 64KiB)';

function missing(schema: unknown): string {
  const description = isSchema(schema) ? globalRegistry.get(schema)?.description : undefined;
  return description === undefined
    ? 'is required'
    : `is required; ${description.slice(0, 1).toLowerCase()}${description.slice(1)}`;
}

const kinds: Partial<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

function kindOf(input: unknown): string {
  if (input === null) return 'empty';
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'object') return 'a map';
  return typeof input === 'string' ? 'a text' : `a ${typeof input}`;
}

function unionWording(issue: {
  readonly input: unknown;
  readonly discriminator?: unknown;
  readonly options?: unknown;
}) {
  const { discriminator, options, input } = issue;
  if (typeof discriminator !== 'string' || !Array.isArray(options)) return undefined;
  const fields = typeof input === 'object' && input !== null ? new Map(Object.entries(input)) : new Map();
  const words = options.map(String);
  const given: unknown = fields.get(discriminator);
  return given === undefined ? `is required; write one of ${words.join(', ')}` : choice(given, words);
}

function choice(input: unknown, values: readonly string[]): string {
  const close = typeof input === 'string' ? nearest(input, values) : undefined;
  const listed = values.join(', ');
  return `is not known here; ${close === undefined ? 'write one of' : `did you mean ${close}? known:`} ${listed}`;
}

function amount(origin: string, side: 'fewer' | 'more'): string {
  if (origin === 'string') return side === 'fewer' ? 'is shorter' : 'is longer';
  if (origin === 'array' || origin === 'map' || origin === 'set') return `has ${side} entries`;
  return side === 'fewer' ? 'is less' : 'is more';
}

function isSchema(value: unknown): value is z.core.$ZodType {
  return typeof value === 'object' && value !== null && '_zod' in value;
}

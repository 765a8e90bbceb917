// What CEL's parser and type checker found wrong, in words that say how to mend it.
// Load time only: it quotes the expression, which an operator wrote, and must never be given facts of a call.

import { TypeError as CelTypeError, ParseError } from '@marcbachmann/cel-js';
import { nearest } from '../base/nearest.ts';
import type { Variable } from './vocabulary.ts';

export interface Finding {
  readonly what: string;
  readonly mend: string;
  /** Offset in the text of the expression. */
  readonly at: number | undefined;
}

const seeReference = 'docs/reference/policy.md lists what an expression may use';

/** A thrown or returned error of the CEL library as a finding. */
export function diagnose(error: unknown, variables: readonly Variable[]): Finding {
  if (!(error instanceof ParseError || error instanceof CelTypeError)) {
    return { what: 'cannot be read as an expression', mend: seeReference, at: undefined };
  }
  const at = error.range?.start;
  const subject = /: (\S+)$/.exec(error.summary)?.[1] ?? '';
  switch (error.code) {
    case 'unknown_variable':
      return { ...unknownVariable(subject, variables), at };
    case 'no_such_key':
      return { ...unknownKey(subject, error.node?.args, variables), at };
    case 'unexpected_character':
      return { what: lowered(error.summary), mend: subject === '=' ? 'use == to compare' : seeReference, at };
    case 'limit_exceeded':
      return { what: `is too large: ${lowered(error.summary)}`, mend: 'split it into several rules', at };
    default:
      return { what: lowered(error.summary), mend: seeReference, at };
  }
}

function unknownVariable(name: string, variables: readonly Variable[]): Omit<Finding, 'at'> {
  const names = variables.map((variable) => variable.name);
  const owner = variables.find((variable) => variable.fields?.some((field) => field.name === name))?.name;
  const close = owner === undefined ? nearest(name, names) : `${owner}.${name}`;
  const suggestion = close === undefined ? '' : `did you mean ${close}? `;
  return { what: `uses unknown variable ${name}`, mend: `${suggestion}known: ${names.join(', ')}` };
}

function unknownKey(field: string, args: unknown, variables: readonly Variable[]): Omit<Finding, 'at'> {
  const owner = Array.isArray(args) ? nameOf(args[0]) : undefined;
  const fields = variables.find((variable) => variable.name === owner)?.fields?.map(({ name }) => name);
  return owner === undefined || fields === undefined
    ? { what: `uses unknown field ${field}`, mend: seeReference }
    : unknownField(owner, field, fields);
}

export function unknownField(owner: string, field: string, fields: readonly string[]): Omit<Finding, 'at'> {
  const close = nearest(field, fields);
  const suggestion = close === undefined ? '' : `did you mean ${close}? `;
  return { what: `uses unknown field ${field} of ${owner}`, mend: `${suggestion}known: ${fields.join(', ')}` };
}

/** Name of an identifier node of the syntax tree. */
function nameOf(node: unknown): string | undefined {
  if (typeof node !== 'object' || node === null || !('op' in node) || !('args' in node)) return undefined;
  return node.op === 'id' && typeof node.args === 'string' ? node.args : undefined;
}

function lowered(text: string): string {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}

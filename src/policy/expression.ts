// Policy expressions (CEL): parsed, type-checked and cost-bounded at load, evaluated per call as plain functions.
// A typo is a configuration problem, never a rule that silently does not match. An evaluation that fails throws; whoever
// evaluates refuses the call (fail closed).

import type { ASTNode, ParseResult } from '@marcbachmann/cel-js';
import { Refusal } from '../base/errors.ts';
import type { Report } from '../base/problem.ts';
import type { JsonObject } from '../principal.ts';
import { celClaims } from './claims.ts';
import { diagnose, type Finding } from './diagnose.ts';
import { claimsVocabulary, policyVocabulary, type Vocabulary } from './environment.ts';
import type { PolicyFacts } from './facts.ts';
import { findRestricted } from './restrict.ts';

/** Longest expression, in characters; a longer one is a program, not a rule. */
const maxExpressionLength = 4_096;

export type Condition = (facts: PolicyFacts) => boolean;
export type ClaimsRule = (claims: JsonObject) => boolean;
type ConfigPath = readonly (string | number)[];

/** An expression could not be evaluated over the facts. Tells CEL's stable error code, never a value. */
export class EvaluationFailure extends Error {
  readonly code: string;

  constructor(cause: unknown) {
    const code = codeOf(cause);
    super(code, { cause });
    this.name = 'EvaluationFailure';
    this.code = code;
  }
}

/**
 * Compiles the condition of a rule.
 * @param path where the text stands in the configuration, for `report`.
 * @returns undefined when a problem was reported; else a function that throws {@link EvaluationFailure} where the facts do
 * not allow an answer (a missing claim, a claim of another type).
 */
export function compileCondition(text: string, path: ConfigPath, report: Report): Condition | undefined {
  const expression = compile(text, path, report, policyVocabulary);
  if (expression === undefined) return undefined;
  return (facts) => evaluate(expression, facts);
}

/**
 * Compiles a rule over the claims of a token, such as identity's `workload_when`; its one variable is `claims`.
 * @returns undefined when a problem was reported; else a function that throws Refusal `principal_kind_undecided` where the
 * claims do not allow an answer.
 */
export function compileClaimsRule(text: string, path: ConfigPath, report: Report): ClaimsRule | undefined {
  const expression = compile(text, path, report, claimsVocabulary);
  if (expression === undefined) return undefined;
  return (claims) => {
    try {
      return evaluate(expression, { claims: celClaims(claims) });
    } catch (failure) {
      throw new Refusal('principal_kind_undecided', {
        detail: `rule over claims failed: ${codeOf(failure)}`,
        cause: failure,
      });
    }
  };
}

/** The expression without its formatting, for digests: two texts have the same one only if they mean the same. */
export function canonicalExpression(text: string): string {
  try {
    return JSON.stringify(structureOf(policyVocabulary.environment.parse(text).ast));
  } catch {
    return text;
  }
}

function compile(text: string, path: ConfigPath, report: Report, words: Vocabulary): ParseResult | undefined {
  const refuse = ({ what, mend, at }: Finding): undefined => {
    report({ path, what: `${what}${at === undefined ? '' : `, at ${positionIn(text, at)}`}`, mend });
  };
  if (text.length > maxExpressionLength) {
    const what = `is longer than ${maxExpressionLength} characters`;
    return refuse({ what, mend: 'split it into several rules', at: undefined });
  }
  try {
    const expression = words.environment.parse(text);
    const restricted = findRestricted(expression.ast, words.variables);
    if (restricted !== undefined) return refuse(restricted);
    const { type, error } = expression.check();
    if (error !== undefined) return refuse(diagnose(error, words.variables));
    if (type === 'bool') return expression;
    const mend =
      type === 'dyn' ? 'compare the claim with a value, such as `claims.admin == true`' : 'write a condition';
    return refuse({
      what: `is not true or false but ${type === 'dyn' ? 'of unknown type' : `a ${type}`}`,
      mend,
      at: undefined,
    });
  } catch (error) {
    return refuse(diagnose(error, words.variables));
  }
}

function evaluate(expression: ParseResult, facts: object): boolean {
  let result: unknown;
  try {
    result = expression(facts);
  } catch (cause) {
    throw new EvaluationFailure(cause);
  }
  if (typeof result !== 'boolean') throw new EvaluationFailure(undefined);
  return result;
}

function codeOf(cause: unknown): string {
  if (cause instanceof RangeError) return 'limit_exceeded';
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return typeof code === 'string' ? code : 'not_evaluable';
}

function positionIn(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n');
  const character = `character ${(before.at(-1)?.length ?? 0) + 1}`;
  return before.length === 1 ? character : `line ${before.length}, ${character}`;
}

function structureOf(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(structureOf);
  if (typeof part === 'bigint') return { int: String(part) };
  return isNode(part) ? [part.op, structureOf(part.args)] : part;
}

function isNode(part: unknown): part is ASTNode {
  return typeof part === 'object' && part !== null && 'op' in part && 'args' in part;
}

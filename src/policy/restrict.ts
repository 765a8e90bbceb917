// What CEL allows but a policy may not: functions outside the vocabulary, patterns that are not literals, and work
// without bound. Looks at the parsed expression, at load. Must never evaluate anything.
//
// How evaluation is bounded: CEL has no loops but its macros, every list a macro can run over is bounded (literals by the
// parser, `chain.actors` by `limits.chain_depth`, claims by claims.ts, no function makes a list from a text), and the cost
// computed here, the size of the expression times the lists it runs over, has a ceiling.

import type { ASTNode } from '@marcbachmann/cel-js';
import { nearest } from '../base/nearest.ts';
import { maxListItems } from './claims.ts';
import { type Finding, unknownField } from './diagnose.ts';
import { maxChainDepth } from './schema.ts';
import { actorFields, functions, type Variable } from './vocabulary.ts';

/** Steps an evaluation may take, at about 0.1 us each; stops lists within lists from holding up every other call. */
const maxCost = 100_000;

/** Steps a time zone conversion counts for. */
const zoneCost = 200;

const known = new Set(functions.map((entry) => entry.name));
const macros = new Set(['all', 'exists', 'exists_one', 'filter', 'map']);

/** Fields that `has(name.field)` may ask for, by variable; undefined where the name has no fixed fields. */
type Scope = ReadonlyMap<string, readonly string[] | undefined>;

/** The first thing in the expression that a policy may not use, or undefined. */
export function findRestricted(ast: ASTNode, variables: readonly Variable[]): Finding | undefined {
  const found: Finding[] = [];
  const scope: Scope = new Map(variables.map(({ name, fields }) => [name, fields?.map((field) => field.name)]));
  const cost = costOf(ast, scope, found);
  if (found.length === 0 && cost > maxCost) {
    found.push({
      what: `may take ${cost} steps, more than ${maxCost}`,
      mend: 'do not iterate a list within a list; use `in` instead',
      at: undefined,
    });
  }
  return found[0];
}

function costOf(node: ASTNode, scope: Scope, found: Finding[]): number {
  const sum = (nodes: readonly ASTNode[]): number =>
    nodes.reduce((total, part) => total + costOf(part, scope, found), 1);
  switch (node.op) {
    case 'value':
      return literal(node, node.args, found);
    case 'id':
      return 1;
    case '!_':
    case '-_':
      return 1 + costOf(node.args, scope, found);
    case '.':
    case '.?':
      return 1 + costOf(node.args[0], scope, found);
    case 'list':
      return sum(node.args);
    case 'map':
      return sum(node.args.flat());
    case 'in':
      return sum(node.args) + longest(node.args[1]);
    case 'call':
      return called(node, node.args[0], node.args[1], scope, found) + sum(node.args[1]);
    case 'rcall':
      return method(node, ...node.args, scope, found);
    default:
      return sum(node.args);
  }
}

function called(node: ASTNode, name: string, args: readonly ASTNode[], scope: Scope, found: Finding[]): number {
  if (!known.has(name)) found.push(unknownFunction(node, name));
  const [path] = args;
  if (name === 'has' && path?.op === '.' && path.args[0].op === 'id') {
    const [{ args: root }, field] = path.args;
    const fields = typeof root === 'string' ? scope.get(root) : undefined;
    if (fields?.includes(field) === false) found.push({ ...unknownField(String(root), field, fields), at: path.pos });
  }
  return 1;
}

function method(
  node: ASTNode,
  name: string,
  receiver: ASTNode,
  args: readonly ASTNode[],
  scope: Scope,
  found: Finding[],
): number {
  if (!known.has(name)) found.push(unknownFunction(node, name));
  const ranged = costOf(receiver, scope, found);
  const [first, ...body] = args;
  if (macros.has(name) && first?.op === 'id') {
    const inner = new Map(scope).set(
      first.args,
      isActors(receiver) ? actorFields.map((field) => field.name) : undefined,
    );
    return 1 + ranged + longest(receiver) * body.reduce((total, part) => total + costOf(part, inner, found), 1);
  }
  if (name === 'like' && !(first?.op === 'value' && typeof first.args === 'string')) {
    found.push({
      what: 'uses like() with a pattern that is not a literal',
      mend: 'write the pattern in quotes: a `*` in a claim or a request would match everything',
      at: (first ?? node).pos,
    });
  }
  const zone = name.startsWith('get') ? first : undefined;
  if (zone !== undefined && !(zone.op === 'value' && isTimeZone(zone.args))) {
    found.push({
      what: `uses ${name}() with an unknown time zone`,
      mend: 'write a name such as "Europe/Berlin"',
      at: zone.pos,
    });
  }
  return args.reduce(
    (total, part) => total + costOf(part, scope, found),
    1 + ranged + (zone === undefined ? 0 : zoneCost),
  );
}

function isTimeZone(name: unknown): boolean {
  try {
    return typeof name === 'string' && Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/** Longest list this expression can yield. */
function longest(node: ASTNode): number {
  if (node.op === 'list' || node.op === 'map') return node.args.length;
  if (node.op === '+') return longest(node.args[0]) + longest(node.args[1]);
  if (node.op === '?:') return Math.max(longest(node.args[1]), longest(node.args[2]));
  if (isActors(node)) return maxChainDepth;
  if (node.op === 'rcall' && macros.has(node.args[0])) return longest(node.args[1]);
  return maxListItems;
}

/** `chain.actors`, or a filtered part of it. */
function isActors(node: ASTNode): boolean {
  if (node.op === 'rcall') return node.args[0] === 'filter' && isActors(node.args[1]);
  if (node.op !== '.') return false;
  const [root, field] = node.args;
  return field === 'actors' && root.op === 'id' && root.args === 'chain';
}

function literal(node: ASTNode, value: unknown, found: Finding[]): number {
  if (typeof value === 'object' && value !== null) {
    found.push({ what: 'uses a bytes or unsigned literal', mend: 'use a text or a plain number', at: node.pos });
  }
  return 1;
}

function unknownFunction(node: ASTNode, name: string): Finding {
  const names = [...known];
  const close = name === 'matches' ? 'like' : nearest(name, names);
  const suggestion = close === undefined ? '' : `did you mean ${close}()? `;
  return { what: `uses unknown function ${name}()`, mend: `${suggestion}known: ${names.join(', ')}`, at: node.pos };
}

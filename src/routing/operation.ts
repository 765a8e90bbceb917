// Operations of a preset, compiled: which one a request is, and where its facts are to be read.
// Matching is by decoded path and method only; what a body says can never change which operation it is.

import { compileShape, type Shape } from './json-scan.ts';
import type { PathPattern } from './pattern.ts';
import { compilePattern } from './pattern.ts';
import type { PresetOperation, PresetSource } from './preset-schema.ts';

export interface Operation {
  readonly name: string;
  readonly methods: ReadonlySet<string>;
  readonly pattern: PathPattern;
  readonly websocket: boolean;
  readonly multipart: boolean;
  readonly model: PresetSource | undefined;
  readonly tool: PresetSource | undefined;
  readonly resource: PresetSource | undefined;
  readonly stream: PresetSource | boolean | undefined;
  /** Fields whose presence refuses the body. */
  readonly refuseBody: readonly string[];
  /** Body fields to find; undefined when the body need not be read. */
  readonly shape: Shape | undefined;
}

export interface MatchedOperation {
  readonly operation: Operation;
  /** Parameters of the path. */
  readonly parameters: ReadonlyMap<string, string>;
}

export function compileOperation(entry: PresetOperation): Operation {
  const pointers = [...entry.refuse_body];
  for (const from of [entry.model, entry.tool, entry.resource, entry.stream]) {
    if (typeof from === 'object' && 'body' in from) pointers.push(from.body);
  }
  return {
    name: entry.operation,
    methods: new Set([entry.method].flat()),
    pattern: compilePattern(entry.path),
    websocket: entry.websocket,
    multipart: entry.multipart,
    model: entry.model,
    tool: entry.tool,
    resource: entry.resource,
    stream: entry.stream,
    refuseBody: entry.refuse_body,
    shape: pointers.length === 0 ? undefined : compileShape(pointers),
  };
}

/** The first operation that matches; upgrades match only WebSocket operations, and those match nothing else. */
export function matchOperation(
  operations: readonly Operation[],
  method: string,
  segments: readonly string[],
  upgrade: boolean,
): MatchedOperation | undefined {
  for (const operation of operations) {
    if (operation.websocket !== upgrade || !operation.methods.has(method)) continue;
    const parameters = operation.pattern.match(segments);
    if (parameters !== undefined) return { operation, parameters };
  }
  return undefined;
}

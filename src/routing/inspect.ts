// Reads the facts of a request where its operation says they are: path, query, body. The body is read only when a fact
// stands in it, and is passed on byte for byte.
// Must never let a body through whose fields another parser could read differently from what policy is shown.

import { type Awaitable, whenReady } from '../base/awaitable.ts';
import { Refusal } from '../base/errors.ts';
import type { Body, KnownCall, RawHeaders } from '../call.ts';
import { readBody } from './body.ts';
import { singleHeader } from './header-lines.ts';
import { booleanField, requireFact, requireObject, stringField } from './json-fields.ts';
import { type Scan, type Shape, scanJson } from './json-scan.ts';
import type { MatchedOperation, Operation } from './operation.ts';
import { requirePlainJson } from './plain-json.ts';
import type { PresetSource } from './preset-schema.ts';
import { queryParameter } from './query.ts';

export interface InspectedRequest {
  readonly body: Body;
  readonly model: string | undefined;
  readonly tool: string | undefined;
  readonly resource: string | undefined;
  readonly stream: boolean | undefined;
}

const multipartType = /^multipart\/form-data[ \t]*;/i;

/**
 * @param matched the operation; undefined for an unknown one, whose body is not read.
 * @param query of the canonical target.
 * @param limit of the route, in bytes.
 * @param whole whether the body is read whole in any case, within the limit.
 */
export function inspect(
  call: KnownCall,
  matched: MatchedOperation | undefined,
  query: string,
  limit: number,
  whole: boolean,
): Awaitable<InspectedRequest> {
  const shape =
    matched !== undefined && !sentAsMultipart(matched.operation, call.headers) ? matched.operation.shape : undefined;
  return whenReady(readBody(call.transport, whole || shape !== undefined, limit), (body) => {
    if (matched === undefined)
      return { body, model: undefined, tool: undefined, resource: undefined, stream: undefined };
    const document = shape && body.kind === 'buffered' ? readDocument(call, matched, body.bytes, shape) : undefined;
    return factsIn(matched, query, body, document);
  });
}

function readDocument(call: KnownCall, { operation }: MatchedOperation, bytes: Buffer, shape: Shape): Document {
  requirePlainJson(call.headers);
  const scan = scanJson(bytes, shape);
  requireObject(scan);
  refuseSecondNames(operation, scan);
  return { bytes, scan };
}

function factsIn(
  { operation, parameters }: MatchedOperation,
  query: string,
  body: Body,
  document: Document | undefined,
): InspectedRequest {
  const text = (from: PresetSource | undefined): string | undefined => {
    if (from === undefined) return undefined;
    if ('path' in from) return pathFact(parameters, from.path);
    if ('query' in from) return queryParameter(query, from.query);
    return document && stringField(document.bytes, document.scan, from.body);
  };
  const flag = (from: PresetSource | boolean | undefined): boolean | undefined => {
    if (from === undefined || typeof from === 'boolean') return from;
    if ('body' in from) return document && (booleanField(document.bytes, document.scan, from.body) ?? false);
    return text(from)?.toLowerCase() === 'true';
  };
  return {
    body,
    model: text(operation.model),
    tool: text(operation.tool),
    resource: text(operation.resource),
    stream: flag(operation.stream),
  };
}

interface Document {
  readonly bytes: Buffer;
  readonly scan: Scan;
}

function sentAsMultipart(operation: Operation, headers: RawHeaders): boolean {
  return operation.multipart && multipartType.test(singleHeader(headers, 'content-type') ?? '');
}

function refuseSecondNames(operation: Operation, scan: Scan): void {
  for (const pointer of operation.refuseBody) {
    const value = scan.get(pointer);
    if (value === undefined || value.kind === 'null') continue;
    throw new Refusal('body_field_ambiguous', {
      detail: `${pointer} names a second model, which policy would not see`,
    });
  }
}

function pathFact(parameters: ReadonlyMap<string, string>, names: string | readonly string[]): string {
  const value = [names].flat().map((name) => parameters.get(name) ?? '');
  return requireFact(value.join('/'), `path parameter ${names}`);
}

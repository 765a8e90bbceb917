// One line of the audit log as OTLP sends it (opentelemetry.proto.logs.v1.LogRecord). The body is the line, byte for byte, so
// that its digest and its place in the chain can be checked in whatever backend it lies in; what people search by is read
// out of the line, so that a copy can say nothing that the record does not say. Names of attributes are those of spans.

import type { Json, JsonObject } from '../principal.ts';
import { type AttributeValue, attributesInto } from './otlp-attributes.ts';
import { createWriter, varintLength } from './otlp-writer.ts';
import { encodeIdentifier } from './pseudonym.ts';

/** `LogRecord.attributes`, length-delimited. */
const recordAttributes = (6 << 3) | 2;

/** Longest attribute text, in characters: what backends index. The body is whole. */
const valueLength = 2_048;

/** Room for everything of a record that is of fixed length. */
const fixedBytes = 160;

/** SeverityNumber: an allowed call is INFO, a denied one WARN, a failed one ERROR. */
const severities = {
  info: { number: 9, text: 'INFO' },
  warn: { number: 13, text: 'WARN' },
  error: { number: 17, text: 'ERROR' },
} as const;

/** Attributes by where they stand in the record. */
const attributeFields: readonly (readonly [name: string, ...path: string[]])[] = [
  ['log.record.uid', 'event_id'],
  ['postern.audit.seq', 'seq'],
  ['postern.audit.hash', 'hash'],
  ['postern.request.id', 'request_id'],
  ['postern.delegation.root_id', 'root_id'],
  ['postern.delegation.id', 'delegation_id'],
  ['postern.delegation.parent_id', 'parent_id'],
  ['postern.route.id', 'route'],
  ['http.request.method', 'method'],
  ['http.response.status_code', 'status'],
  ['postern.decision', 'decision'],
  ['postern.denial.reason', 'reason'],
  ['postern.policy.id', 'rule'],
  ['postern.policy.version', 'policy_version'],
  ['postern.exchange.name', 'exchange', 'name'],
  ['postern.exchange.outcome', 'exchange', 'outcome'],
  ['postern.credential.kind', 'credential', 'kind'],
  ['postern.token.id_hash', 'credential', 'id_hash'],
];

const traceId = /^[0-9a-f]{32}$/;
const spanId = /^[0-9a-f]{16}$/;

/** @param observedMs when the line was taken for export. @returns a LogRecord message, without tag and length. */
export type EncodeLogRecord = (line: string, observedMs: number) => Buffer;

export function createLogRecordEncoder(): EncodeLogRecord {
  const writer = createWriter();
  const attributes = attributesInto(writer, recordAttributes, valueLength);

  function text(tag: number, value: string): void {
    const bytes = Buffer.byteLength(value);
    writer.ensure(bytes + fixedBytes);
    writer.byte(tag);
    writer.varint(bytes);
    writer.text(value, bytes);
  }

  function body(line: string): void {
    const bytes = Buffer.byteLength(line);
    const value = 1 + varintLength(bytes) + bytes;
    writer.ensure(value + fixedBytes);
    writer.byte(0x2a);
    writer.varint(value);
    writer.byte(0x0a);
    writer.varint(bytes);
    writer.text(line, bytes);
  }

  function id(tag: number, value: Json | undefined, form: RegExp): void {
    if (typeof value !== 'string' || !form.test(value)) return;
    writer.ensure(fixedBytes);
    writer.byte(tag);
    writer.byte(value.length / 2);
    writer.hex(value);
  }

  return (line, observedMs) => {
    const record = read(line);
    const made = typeof record['time'] === 'string' ? Date.parse(record['time']) : Number.NaN;
    const { number, text: severity } = severities[severityOf(record)];
    writer.begin();
    writer.ensure(fixedBytes);
    writer.byte(0x09);
    writer.nanoseconds(Number.isNaN(made) ? observedMs : made);
    writer.byte(0x59);
    writer.nanoseconds(observedMs);
    writer.byte(0x10);
    writer.byte(number);
    text(0x1a, severity);
    body(line);
    for (const [name, ...path] of attributeFields) attributes.set(name, at(record, path));
    attributes.set('postern.delegation.subject', named(record['subject']));
    attributes.set('postern.delegation.actor', named(record['caller']));
    id(0x4a, record['trace_id'], traceId);
    id(0x52, record['span_id'], spanId);
    if (typeof record['event'] === 'string') text(0x62, record['event']);
    return writer.end();
  };
}

function read(line: string): JsonObject {
  const record: Json = JSON.parse(line);
  return isObject(record) ? record : {};
}

function severityOf({ decision, exchange, event }: JsonObject): keyof typeof severities {
  const outcome = isObject(exchange) ? exchange['outcome'] : decision;
  if (outcome === 'error' || event === 'postern.audit.lost') return 'error';
  return outcome === 'deny' || outcome === 'denied' ? 'warn' : 'info';
}

function at(record: JsonObject, path: readonly string[]): AttributeValue {
  let value: Json | undefined = record;
  for (const step of path) value = isObject(value) ? value[step] : undefined;
  return typeof value === 'string' || typeof value === 'number' ? value : undefined;
}

/** As the record names it, spelt as on spans: who may be named by `sub`, a user who may not by pseudonym. */
function named(principal: Json | undefined): AttributeValue {
  if (!isObject(principal)) return undefined;
  const { kind, sub, id } = principal;
  if (typeof sub === 'string') return `${kind === 'user' ? 'user:' : ''}${encodeIdentifier(sub)}`;
  return typeof id === 'string' ? id : undefined;
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

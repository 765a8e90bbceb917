// Decodes OTLP protobuf messages into plain objects people and tests can read.
// The schema is the part of opentelemetry-proto 1.x that traces, metrics and logs use; unknown fields are skipped.

import protobuf from 'protobufjs';

const schema = `
syntax = "proto3";
message AnyValue { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4;
  ArrayValue array_value = 5; KeyValueList kvlist_value = 6; bytes bytes_value = 7; } }
message ArrayValue { repeated AnyValue values = 1; }
message KeyValueList { repeated KeyValue values = 1; }
message KeyValue { string key = 1; AnyValue value = 2; }
message InstrumentationScope { string name = 1; string version = 2; }
message Resource { repeated KeyValue attributes = 1; }

message TracesData { repeated ResourceSpans resource_spans = 1; }
message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
message ScopeSpans { InstrumentationScope scope = 1; repeated Span spans = 2; }
message Span { bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; bytes parent_span_id = 4; string name = 5;
  int32 kind = 6; fixed64 start_time_unix_nano = 7; fixed64 end_time_unix_nano = 8; repeated KeyValue attributes = 9;
  repeated Link links = 13; Status status = 15; fixed32 flags = 16; }
message Link { bytes trace_id = 1; bytes span_id = 2; string trace_state = 3; repeated KeyValue attributes = 4; }
message Status { string message = 2; int32 code = 3; }

message LogsData { repeated ResourceLogs resource_logs = 1; }
message ResourceLogs { Resource resource = 1; repeated ScopeLogs scope_logs = 2; }
message ScopeLogs { InstrumentationScope scope = 1; repeated LogRecord log_records = 2; }
message LogRecord { fixed64 time_unix_nano = 1; fixed64 observed_time_unix_nano = 11; int32 severity_number = 2;
  string severity_text = 3; AnyValue body = 5; repeated KeyValue attributes = 6; fixed32 flags = 8; bytes trace_id = 9;
  bytes span_id = 10; string event_name = 12; }

message MetricsData { repeated ResourceMetrics resource_metrics = 1; }
message ResourceMetrics { Resource resource = 1; repeated ScopeMetrics scope_metrics = 2; }
message ScopeMetrics { InstrumentationScope scope = 1; repeated Metric metrics = 2; }
message Metric { string name = 1; string description = 2; string unit = 3;
  oneof data { Gauge gauge = 5; Sum sum = 7; Histogram histogram = 9; } }
message Gauge { repeated NumberDataPoint data_points = 1; }
message Sum { repeated NumberDataPoint data_points = 1; int32 aggregation_temporality = 2; bool is_monotonic = 3; }
message Histogram { repeated HistogramDataPoint data_points = 1; int32 aggregation_temporality = 2; }
message NumberDataPoint { repeated KeyValue attributes = 7; oneof value { double as_double = 4; sfixed64 as_int = 6; } }
message HistogramDataPoint { repeated KeyValue attributes = 9; fixed64 count = 4; double sum = 5;
  repeated fixed64 bucket_counts = 6; repeated double explicit_bounds = 7; }
`;

const { root } = protobuf.parse(schema);
const tracesData = root.lookupType('TracesData');
const logsData = root.lookupType('LogsData');
const metricsData = root.lookupType('MetricsData');

export type AttributeValue = string | number | boolean | readonly AttributeValue[] | undefined;
export type DecodedAttributes = Readonly<Record<string, AttributeValue>>;

export interface DecodedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** undefined for the first span of a trace. */
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: 'unspecified' | 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  /** Milliseconds since the epoch, with fraction. */
  readonly start: number;
  readonly end: number;
  readonly attributes: DecodedAttributes;
  readonly links: readonly DecodedLink[];
  readonly status: 'unset' | 'ok' | 'error';
  readonly flags: number;
  readonly resource: DecodedAttributes;
  readonly scope: string;
}

export interface DecodedLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: DecodedAttributes;
}

export interface DecodedLog {
  /** Milliseconds since the epoch. */
  readonly time: number;
  readonly observed: number;
  readonly severity: number;
  readonly severityText: string;
  readonly event: string;
  readonly body: AttributeValue;
  readonly attributes: DecodedAttributes;
  /** Empty where the record belongs to no trace. */
  readonly traceId: string;
  readonly spanId: string;
  readonly resource: DecodedAttributes;
  readonly scope: string;
}

export interface DecodedMetric {
  readonly name: string;
  readonly unit: string;
  readonly kind: 'gauge' | 'sum' | 'histogram';
  readonly points: readonly DecodedPoint[];
  readonly resource: DecodedAttributes;
}

export interface DecodedPoint {
  readonly attributes: DecodedAttributes;
  /** A histogram's sum. */
  readonly value: number;
  /** A histogram's count; 1 for the others. */
  readonly count: number;
}

const kinds = ['unspecified', 'internal', 'server', 'client', 'producer', 'consumer'] as const;
const statuses = ['unset', 'ok', 'error'] as const;

/** Throws for bytes that are no such message. */
export function decodeSpans(message: Uint8Array): DecodedSpan[] {
  return decode(tracesData, message, 'resourceSpans').flatMap((resourceSpans) =>
    list(resourceSpans['scopeSpans']).flatMap((scopeSpans) =>
      list(scopeSpans['spans']).map((span) => ({
        traceId: hex(span['traceId']),
        spanId: hex(span['spanId']),
        parentSpanId: hex(span['parentSpanId']) || undefined,
        name: String(span['name'] ?? ''),
        kind: kinds[Number(span['kind'] ?? 0)] ?? 'unspecified',
        start: Number(span['startTimeUnixNano'] ?? 0) / 1e6,
        end: Number(span['endTimeUnixNano'] ?? 0) / 1e6,
        attributes: attributesOf(span['attributes']),
        links: list(span['links']).map((link) => ({
          traceId: hex(link['traceId']),
          spanId: hex(link['spanId']),
          attributes: attributesOf(link['attributes']),
        })),
        status: statuses[Number(fields(span['status'])['code'] ?? 0)] ?? 'unset',
        flags: Number(span['flags'] ?? 0),
        resource: attributesOf(fields(resourceSpans['resource'])['attributes']),
        scope: String(fields(scopeSpans['scope'])['name'] ?? ''),
      })),
    ),
  );
}

/** Throws for bytes that are no such message. */
export function decodeLogs(message: Uint8Array): DecodedLog[] {
  return decode(logsData, message, 'resourceLogs').flatMap((resourceLogs) =>
    list(resourceLogs['scopeLogs']).flatMap((scopeLogs) =>
      list(scopeLogs['logRecords']).map((record) => ({
        time: Number(record['timeUnixNano'] ?? 0) / 1e6,
        observed: Number(record['observedTimeUnixNano'] ?? 0) / 1e6,
        severity: Number(record['severityNumber'] ?? 0),
        severityText: String(record['severityText'] ?? ''),
        event: String(record['eventName'] ?? ''),
        body: toValue(fields(record['body'])),
        attributes: attributesOf(record['attributes']),
        traceId: hex(record['traceId']),
        spanId: hex(record['spanId']),
        resource: attributesOf(fields(resourceLogs['resource'])['attributes']),
        scope: String(fields(scopeLogs['scope'])['name'] ?? ''),
      })),
    ),
  );
}

/** Throws for bytes that are no such message. */
export function decodeMetrics(message: Uint8Array): DecodedMetric[] {
  return decode(metricsData, message, 'resourceMetrics').flatMap((resourceMetrics) =>
    list(resourceMetrics['scopeMetrics']).flatMap((scopeMetrics) =>
      list(scopeMetrics['metrics']).map((metric) => {
        const kind = (['gauge', 'sum', 'histogram'] as const).find((name) => name in metric) ?? 'gauge';
        return {
          name: String(metric['name'] ?? ''),
          unit: String(metric['unit'] ?? ''),
          kind,
          points: list(fields(metric[kind])['dataPoints']).map((point) => ({
            attributes: attributesOf(point['attributes']),
            value: Number(point['sum'] ?? point['asDouble'] ?? point['asInt'] ?? 0),
            count: Number(point['count'] ?? 1),
          })),
          resource: attributesOf(fields(resourceMetrics['resource'])['attributes']),
        };
      }),
    ),
  );
}

type Fields = Readonly<Record<string, unknown>>;

function decode(type: protobuf.Type, message: Uint8Array, name: string): Fields[] {
  return list(fields(type.toObject(type.decode(message), { longs: Number }))[name]);
}

function attributesOf(value: unknown): DecodedAttributes {
  return Object.fromEntries(list(value).map((pair) => [String(pair['key'] ?? ''), toValue(fields(pair['value']))]));
}

function toValue(value: Fields): AttributeValue {
  const { stringValue, boolValue, intValue, doubleValue, arrayValue } = value;
  if (typeof stringValue === 'string') return stringValue;
  if (typeof boolValue === 'boolean') return boolValue;
  if (typeof intValue === 'number') return intValue;
  if (typeof doubleValue === 'number') return doubleValue;
  return arrayValue === undefined ? undefined : list(fields(arrayValue)['values']).map(toValue);
}

function fields(value: unknown): Fields {
  return isFields(value) ? value : {};
}

function list(value: unknown): Fields[] {
  return Array.isArray(value) ? value.filter(isFields) : [];
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hex(value: unknown): string {
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') : '';
}

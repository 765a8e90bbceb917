// Puts this gate's trace context into an MCP message (`params._meta.traceparent`, SEP-414), so that the server's span
// hangs below the gate's and not beside it; tracestate and baggage of the agent are dropped.
// Splices bytes: numbers, order and everything else stay exactly as the agent wrote them.

import { closeBrace, openBrace, skipSpace } from './json-grammar.ts';
import { compileShape, type Scan, type ScannedValue, scanJson } from './json-scan.ts';

const shape = compileShape(['/method', '/params/_meta'], ['/params/_meta']);
const ours = new Set(['traceparent', 'tracestate', 'baggage']);

/**
 * @param bytes a body `inspectMcp` has accepted.
 * @param traceparent W3C trace context of the span that makes the call.
 * @returns the body to send; the same bytes for a response, which carries no parameters.
 */
export function rewriteMeta(bytes: Buffer, traceparent: string): Buffer {
  const scan = scanJson(bytes, shape);
  if (!scan.has('/method')) return bytes;
  const trace = `"traceparent":${JSON.stringify(traceparent)}`;
  const { at, until, text } = change(bytes, scan, trace);
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(text), bytes.subarray(until)]);
}

interface Change {
  readonly at: number;
  readonly until: number;
  readonly text: string;
}

function change(bytes: Buffer, scan: Scan, trace: string): Change {
  const meta = scan.get('/params/_meta');
  if (meta?.kind === 'object') return { at: meta.start, until: meta.end, text: withTrace(bytes, meta, trace) };
  if (meta !== undefined) return { at: meta.start, until: meta.end, text: `{${trace}}` };
  const params = scan.get('/params');
  if (params?.kind === 'object') return insertFirst(bytes, params, `"_meta":{${trace}}`);
  if (params !== undefined) return { at: params.start, until: params.end, text: `{"_meta":{${trace}}}` };
  return insertFirst(bytes, scan.get(''), `"params":{"_meta":{${trace}}}`);
}

/** The metadata with our trace context in place of the agent's; the other members exactly as they stood. */
function withTrace(bytes: Buffer, meta: ScannedValue, trace: string): string {
  const kept = meta.members
    .filter((member) => !ours.has(member.foldedName))
    .map((member) => bytes.toString('utf8', member.start, member.end));
  return `{${[trace, ...kept].join(',')}}`;
}

function insertFirst(bytes: Buffer, object: ScannedValue | undefined, member: string): Change {
  const at = (object?.start ?? bytes.indexOf(openBrace)) + 1;
  const empty = bytes[skipSpace(bytes, at)] === closeBrace;
  return { at, until: at, text: empty ? member : `${member},` };
}

// W3C Trace Context section 3.2: exactly one well-formed header is believed, everything else starts a new trace.

import fc from 'fast-check';
import { test } from 'tap';
import { formatTraceparent, parseTraceparent, readTraceparent } from '../../src/telemetry/trace-context.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';
const valid = `00-${traceId}-${spanId}-01`;

test('a well-formed traceparent is read', (t) => {
  t.strictSame(parseTraceparent(valid), { traceId, spanId, traceFlags: 1 });
  t.strictSame(parseTraceparent(`00-${traceId}-${spanId}-00`), { traceId, spanId, traceFlags: 0 });
  t.strictSame(parseTraceparent(`00-${traceId}-${spanId}-03`)?.traceFlags, 1, 'only the sampled flag is taken on');
  t.strictSame(parseTraceparent(`cc-${traceId}-${spanId}-01-what-is-to-come`), { traceId, spanId, traceFlags: 1 });
  t.end();
});

test('anything else is not', (t) => {
  const wrong: [string, string][] = [
    ['empty', ''],
    ['upper case', valid.toUpperCase()],
    ['version ff', `ff${valid.slice(2)}`],
    ['version 00 with more behind it', `${valid}-00`],
    ['later version without separator', `cc${valid.slice(2)}00`],
    ['zero trace id', `00-${'0'.repeat(32)}-${spanId}-01`],
    ['zero span id', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['short trace id', `00-${traceId.slice(1)}-${spanId}-01`],
    ['not hex', `00-${traceId.replace('4', 'g')}-${spanId}-01`],
    ['two joined by a comma', `${valid}, ${valid}`],
    ['leading space', ` ${valid}`],
    ['endless', `cc${valid.slice(2)}-${'a'.repeat(10_000)}`],
  ];
  for (const [name, text] of wrong) t.equal(parseTraceparent(text), undefined, name);
  t.end();
});

test('the header is found whatever its case, and not believed when it stands there twice', (t) => {
  t.equal(readTraceparent(['Host', 'a', 'TraceParent', valid])?.traceId, traceId);
  t.equal(readTraceparent(['traceparent', valid, 'Traceparent', valid]), undefined);
  t.equal(readTraceparent(['x-traceparent', valid]), undefined);
  t.equal(readTraceparent([]), undefined);
  t.end();
});

test('property: what is read can be written again, and nothing throws', (t) => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.constant(valid), fc.stringMatching(/^[0-9a-f-]{50,60}$/)), (text) => {
      const span = parseTraceparent(text);
      if (span === undefined) return;
      t.strictSame(parseTraceparent(formatTraceparent(span)), span);
    }),
    { seed: 1, numRuns: 300 },
  );
  t.end();
});

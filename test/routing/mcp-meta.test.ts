import { test } from 'tap';
import { rewriteMeta } from '../../src/routing/mcp-meta.ts';

const ours = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const rewrite = (body: string): string => rewriteMeta(Buffer.from(body), ours).toString();
const trace = `"traceparent":"${ours}"`;

const rewritten: readonly (readonly [what: string, before: string, after: string])[] = [
  [
    "the agent's trace context gives way",
    '{"method":"x","params":{"_meta":{"traceparent":"00-old-old-00","progressToken":1},"a":2}}',
    `{"method":"x","params":{"_meta":{${trace},"progressToken":1},"a":2}}`,
  ],
  [
    'tracestate and baggage are dropped, wherever they stand',
    '{"method":"x","params":{"_meta":{"baggage":"user=alice","a":1,"tracestate":"v=1"}}}',
    `{"method":"x","params":{"_meta":{${trace},"a":1}}}`,
  ],
  [
    'also written twice or oddly',
    '{"method":"x","params":{"_meta":{"traceparent":"1","\\u0074raceparent":"2","TraceState":"3","traceparent":"4"}}}',
    `{"method":"x","params":{"_meta":{${trace}}}}`,
  ],
  ['empty metadata', '{"method":"x","params":{"_meta":{ }}}', `{"method":"x","params":{"_meta":{${trace}}}}`],
  ['metadata that is null', '{"method":"x","params":{"_meta":null}}', `{"method":"x","params":{"_meta":{${trace}}}}`],
  ['no metadata', '{"method":"x","params":{"a":1}}', `{"method":"x","params":{"_meta":{${trace}},"a":1}}`],
  ['empty parameters', '{"method":"x","params":{ }}', `{"method":"x","params":{"_meta":{${trace}} }}`],
  ['parameters that are null', '{"params":null,"method":"x"}', `{"params":{"_meta":{${trace}}},"method":"x"}`],
  ['no parameters', '{"method":"x"}', `{"params":{"_meta":{${trace}}},"method":"x"}`],
  [
    'metadata of arguments is not ours to change',
    '{"method":"x","params":{"arguments":{"_meta":{"traceparent":"t"}},"_meta":{}}}',
    `{"method":"x","params":{"arguments":{"_meta":{"traceparent":"t"}},"_meta":{${trace}}}}`,
  ],
];

test('the trace context of the gate takes its place', (t) => {
  for (const [what, before, after] of rewritten) {
    t.equal(rewrite(before), after, what);
    t.doesNotThrow(() => JSON.parse(rewrite(before)), what);
    t.equal(rewrite(rewrite(before)), rewrite(before), 'again changes nothing');
  }
  t.end();
});

test('everything else stays byte for byte', (t) => {
  const rest = '"id": 12345678901234567890, "x":1.0,"é":"\\u00e9","__proto__":{"2":1,"1":2}, "a" : [ 1e400 ]';
  t.equal(
    rewrite(`{${rest},"method":"x","params":{"_meta":{${rest},"tracestate":"t"}}}`),
    `{${rest},"method":"x","params":{"_meta":{${[trace, ...rest.split(',').map((each) => each.trimStart())].join(',')}}}}`,
  );
  t.end();
});

test('an answer carries no parameters and is left alone', (t) => {
  const bytes = Buffer.from('{"jsonrpc":"2.0","id":1,"result":{"_meta":{"traceparent":"t"}}}');
  t.equal(rewriteMeta(bytes, ours), bytes);
  t.end();
});

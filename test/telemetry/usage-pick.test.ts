// What is picked of an answer tells the same as all of it would, and content never becomes a value.

import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { test } from 'tap';
import { readDocument, type Usage } from '../../src/telemetry/usage-fields.ts';
import { pickUsage } from '../../src/telemetry/usage-pick.ts';

function told(document: unknown): Usage {
  const usage: Usage = {};
  if (document !== undefined) readDocument(document, usage);
  return usage;
}

const named = [
  ...['id', 'responseId', 'model', 'modelVersion', 'object', 'status', 'usage', 'usageMetadata', 'stop_reason'],
  ...['stopReason', 'delta', 'incomplete_details', 'choices', 'candidates', 'finish_reason', 'finishReason', 'reason'],
  ...['jsonrpc', 'error', 'code', 'result', 'isError', 'response', 'message', 'content', 'text', 'data', '__proto__'],
  ...['prompt_tokens', 'output_tokens', 'prompt_tokens_details', 'cached_tokens', 'cache_read_input_tokens'],
];
const awkward = ['"', '\\', '\\"', '{"usage":{"prompt_tokens":9}}', '}', ']', '\\\\', 'response', '2.0', 'é\u2028', ''];

const { document } = fc.letrec((tie) => ({
  document: fc.oneof(
    { depthSize: 'medium', withCrossShrink: true },
    fc.constantFrom(...awkward),
    fc.string(),
    fc.nat(),
    fc.double(),
    fc.constantFrom(null, true, false),
    fc.array(tie('document'), { maxLength: 10 }),
    fc.dictionary(fc.constantFrom(...named), tie('document'), { maxKeys: 12 }),
  ),
}));

test('any document tells the same when most of it is skipped', (t) => {
  fc.assert(
    fc.property(document, fc.constantFrom(undefined, 2), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      return isDeepStrictEqual(told(pickUsage(text)), told(JSON.parse(text)));
    }),
    { seed: 1, numRuns: 1_000 },
  );
  t.pass();
  t.end();
});

test('no text makes it fail, and what is cut off tells nothing', (t) => {
  const text = JSON.stringify({ id: 'a', choices: [{ finish_reason: 'stop' }], usage: { prompt_tokens: 1 } });
  for (let end = 0; end < text.length; end += 1) t.equal(pickUsage(text.slice(0, end)), undefined);
  for (const odd of [
    '',
    ' ',
    '{',
    '{}}',
    '{"a"}',
    '{"id":}',
    '{"id":nul}',
    '{"a":1 2}',
    '{"id":"\\x"}',
    '{,}',
    '[1,]2',
  ]) {
    t.equal(pickUsage(odd), undefined, odd);
  }
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:\\ ni0'), maxLength: 40 }), (odd) => {
      pickUsage(odd);
    }),
    { seed: 1, numRuns: 2_000 },
  );
  t.end();
});

test('content never becomes a value', (t) => {
  const picked = pickUsage(
    '{"id":"a","choices":[{"message":{"content":"secret"},"finish_reason":"stop"}],"output":"secret"}',
  );
  t.notMatch(JSON.stringify(picked), /secret/);
  t.match(picked, { id: 'a', choices: [{ finish_reason: 'stop' }] });
  t.end();
});

// Token usage of Bedrock: in frames of application/vnd.amazon.eventstream, whole, in splinters and after much else, and in headers.

import fc from 'fast-check';
import { test } from 'tap';
import { createUsageReader, type Usage } from '../../src/telemetry/usage.ts';
import { eventFrame } from '../support/exchange-vendors/aws-eventstream.ts';

const framed = ['content-type', 'application/vnd.amazon.eventstream'];

function read(headers: readonly string[], body: Buffer, piece = body.length): Usage {
  const reader = createUsageReader(headers);
  for (let at = 0; at < body.length; at += piece) reader?.passed(body.subarray(at, at + piece));
  return reader?.end() ?? {};
}

const usage = {
  inputTokens: 11,
  outputTokens: 4,
  totalTokens: 15,
  cacheReadInputTokens: 100,
  cacheWriteInputTokens: 1,
};
const delta = (text: string) => eventFrame('contentBlockDelta', { contentBlockIndex: 0, delta: { text } });
const chunk = (event: object) =>
  eventFrame('chunk', { bytes: Buffer.from(JSON.stringify(event)).toString('base64'), p: 'abc' });

test('Converse: the metadata event, however long the answer was', (t) => {
  const metadata = eventFrame('metadata', { usage, metrics: { latencyMs: 7 } });
  for (const words of [1, 2_000]) {
    const body = Buffer.concat([
      ...Array.from({ length: words }, () => delta('{"usage": 1} said the model')),
      metadata,
    ]);
    for (const piece of [body.length, 33]) {
      t.strictSame(read(framed, body, piece), {
        inputTokens: 112,
        outputTokens: 4,
        cacheReadTokens: 100,
        cacheCreationTokens: 1,
      });
    }
  }
  t.end();
});

test('InvokeModel: the model’s own events, and the metrics that Bedrock adds to the last', (t) => {
  const last = {
    type: 'message_stop',
    'amazon-bedrock-invocationMetrics': { inputTokenCount: 12, outputTokenCount: 5 },
  };
  const began = { type: 'message_start', message: { id: 'msg_1', model: 'claude', usage: { input_tokens: 11 } } };
  const ended = { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 4 } };
  const whole = Buffer.concat([began, ended].map(chunk));
  t.match(read(framed, whole, 7), {
    responseId: 'msg_1',
    responseModel: 'claude',
    inputTokens: 11,
    outputTokens: 4,
    finishReasons: ['end_turn'],
  });
  t.match(read(framed, Buffer.concat([whole, chunk(last)])), { inputTokens: 12, outputTokens: 5 });
  t.end();
});

test('an answer in no format we know: the counts in its headers', (t) => {
  const headers = [
    'Content-Type',
    'application/json',
    'X-Amzn-Bedrock-Input-Token-Count',
    '9',
    'x-amzn-bedrock-output-token-count',
    '2',
  ];
  t.strictSame(read(headers, Buffer.from('{"embedding":[0.5]}')), { inputTokens: 9, outputTokens: 2 });
  const odd = headers.map((one) => (one === '9' ? '-9e9' : one));
  t.strictSame(read(odd, Buffer.from('{}')), { outputTokens: 2 });
  const told = Buffer.from('{"usage":{"input_tokens":1,"output_tokens":1}}');
  t.match(read(headers, told), { inputTokens: 1, outputTokens: 1 }, 'what the answer says counts');
  t.end();
});

test('property: any bytes are survived', (t) => {
  const soup = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      fc.constantFrom(...['"bytes":"', '"', 'e30=', '"usage":', '{', '}'].map((text) => Buffer.from(text))),
    ),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(soup, (parts) => {
      for (const value of Object.values(read(framed, Buffer.concat(parts)))) {
        if (typeof value === 'number' && !(value >= 0)) return false;
      }
      return true;
    }),
    { seed: 1, numRuns: 200 },
  );
  t.end();
});

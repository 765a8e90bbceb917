// Token usage as the APIs really send it, in one piece, in splinters, too large to keep, and as garbage.

import fc from 'fast-check';
import { test } from 'tap';
import { createUsageReader, type Usage } from '../../src/telemetry/usage.ts';
import { type EventTail, firstRoom, keep, kept, mostRoom, takeRoom } from '../../src/telemetry/usage-tail.ts';
import { createUsageWindow, headBytes, tailBytes } from '../../src/telemetry/usage-window.ts';

const json = ['Content-Type', 'application/json; charset=utf-8'];
const events = ['content-type', 'text/event-stream'];

function read(headers: readonly string[], body: string, pieces = 1): Usage {
  const reader = createUsageReader(headers);
  if (reader === undefined) throw new Error('nothing to read');
  const bytes = Buffer.from(body);
  const size = Math.max(1, Math.ceil(bytes.length / pieces));
  for (let at = 0; at < bytes.length; at += size) reader.passed(bytes.subarray(at, at + size));
  return reader.end();
}

const sse = (...documents: (object | string)[]) =>
  documents.map((one) => `event: x\ndata: ${typeof one === 'string' ? one : JSON.stringify(one)}\n\n`).join('');

const answers: [string, readonly string[], string, Usage][] = [
  [
    'OpenAI chat',
    json,
    JSON.stringify({
      id: 'chatcmpl-1',
      model: 'gpt-5-mini-2026',
      choices: [{ message: { content: 'usage: {"usage":1}' }, finish_reason: 'stop' }],
      usage: {
        prompt_tokens: 10,
        completion_tokens: 5,
        prompt_tokens_details: { cached_tokens: 4 },
        completion_tokens_details: { reasoning_tokens: 2 },
      },
    }),
    {
      responseId: 'chatcmpl-1',
      responseModel: 'gpt-5-mini-2026',
      finishReasons: ['stop'],
      inputTokens: 10,
      outputTokens: 5,
      cacheReadTokens: 4,
      reasoningTokens: 2,
    },
  ],
  [
    'OpenAI chat, streamed',
    events,
    sse(
      { id: 'chatcmpl-2', model: 'gpt-5', choices: [{ delta: { content: 'a' }, finish_reason: null }], usage: null },
      { id: 'chatcmpl-2', model: 'gpt-5', choices: [{ delta: {}, finish_reason: 'tool_calls' }], usage: null },
      { id: 'chatcmpl-2', model: 'gpt-5', choices: [], usage: { prompt_tokens: 7, completion_tokens: 3 } },
      '[DONE]',
    ),
    {
      responseId: 'chatcmpl-2',
      responseModel: 'gpt-5',
      finishReasons: ['tool_calls'],
      inputTokens: 7,
      outputTokens: 3,
    },
  ],
  [
    'OpenAI responses, streamed',
    events,
    sse(
      {
        type: 'response.created',
        response: { id: 'resp_1', object: 'response', model: 'gpt-5', status: 'in_progress' },
      },
      { type: 'response.output_text.delta', item_id: 'msg_1', delta: 'text' },
      {
        type: 'response.completed',
        response: {
          id: 'resp_1',
          object: 'response',
          model: 'gpt-5',
          status: 'completed',
          usage: { input_tokens: 20, output_tokens: 9, output_tokens_details: { reasoning_tokens: 6 } },
        },
      },
    ),
    {
      responseId: 'resp_1',
      responseModel: 'gpt-5',
      finishReasons: ['completed'],
      inputTokens: 20,
      outputTokens: 9,
      reasoningTokens: 6,
    },
  ],
  [
    'OpenAI embeddings',
    json,
    JSON.stringify({
      object: 'list',
      data: [{ embedding: [0.1] }],
      model: 'text-embedding-3',
      usage: { prompt_tokens: 8 },
    }),
    { responseModel: 'text-embedding-3', inputTokens: 8 },
  ],
  [
    'Anthropic message: cached input counts as input',
    json,
    JSON.stringify({
      id: 'msg_1',
      type: 'message',
      model: 'claude-opus-4-1',
      stop_reason: 'end_turn',
      usage: { input_tokens: 3, cache_read_input_tokens: 100, cache_creation_input_tokens: 20, output_tokens: 12 },
    }),
    {
      responseId: 'msg_1',
      responseModel: 'claude-opus-4-1',
      finishReasons: ['end_turn'],
      inputTokens: 123,
      outputTokens: 12,
      cacheReadTokens: 100,
      cacheCreationTokens: 20,
    },
  ],
  [
    'Anthropic message, streamed',
    events,
    sse(
      {
        type: 'message_start',
        message: { id: 'msg_2', model: 'claude-haiku-4-5', usage: { input_tokens: 25, output_tokens: 1 } },
      },
      { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'hello' } },
      { type: 'message_delta', delta: { stop_reason: 'max_tokens' }, usage: { output_tokens: 15 } },
      { type: 'message_stop' },
    ),
    {
      responseId: 'msg_2',
      responseModel: 'claude-haiku-4-5',
      finishReasons: ['max_tokens'],
      inputTokens: 25,
      outputTokens: 15,
    },
  ],
  [
    'Gemini, streamed',
    events,
    sse(
      {
        candidates: [{ content: {} }],
        modelVersion: 'gemini-3',
        responseId: 'g1',
        usageMetadata: { promptTokenCount: 4 },
      },
      {
        candidates: [{ finishReason: 'STOP' }],
        modelVersion: 'gemini-3',
        responseId: 'g1',
        usageMetadata: {
          promptTokenCount: 4,
          candidatesTokenCount: 6,
          thoughtsTokenCount: 2,
          cachedContentTokenCount: 1,
        },
      },
    ),
    {
      responseId: 'g1',
      responseModel: 'gemini-3',
      finishReasons: ['STOP'],
      inputTokens: 4,
      outputTokens: 6,
      reasoningTokens: 2,
      cacheReadTokens: 1,
    },
  ],
  [
    'Gemini, streamed as a JSON array',
    json,
    JSON.stringify([
      { modelVersion: 'gemini-3', usageMetadata: { promptTokenCount: 4 } },
      { candidates: [{ finishReason: 'STOP' }], usageMetadata: { promptTokenCount: 4, candidatesTokenCount: 9 } },
    ]),
    { responseModel: 'gemini-3', finishReasons: ['STOP'], inputTokens: 4, outputTokens: 9 },
  ],
  [
    'MCP error',
    json,
    '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"m"}}',
    { rpcStatus: '-32602', rpcError: '-32602' },
  ],
  [
    'MCP tool error, streamed',
    events,
    sse({ jsonrpc: '2.0', id: 1, result: { isError: true } }),
    { rpcError: 'tool_error' },
  ],
  ['an error body', json, '{"error":{"message":"no","type":"invalid_request_error"}}', {}],
];

for (const [name, headers, body, expected] of answers) {
  test(name, (t) => {
    t.strictSame(read(headers, body), expected, 'in one piece');
    t.strictSame(read(headers, body, Buffer.byteLength(body)), expected, 'byte by byte');
    t.end();
  });
}

test('a large answer still tells its usage, which stands at its end', (t) => {
  const data = Array.from({ length: 30 }, (_, index) => ({
    index,
    embedding: Array.from({ length: 400 }, () => 0.123456),
  }));
  const body = JSON.stringify({ object: 'list', data, model: 'm', usage: { prompt_tokens: 240, total_tokens: 240 } });
  t.ok(body.length > headBytes + tailBytes);
  t.strictSame(read(json, body, 7), { inputTokens: 240 });
  t.end();
});

test('a long stream: id and model from its beginning, usage and reason from its end', (t) => {
  const deltas = Array.from({ length: 5_000 }, (_, n) => ({
    type: 'content_block_delta',
    delta: { text: `word ${n}` },
  }));
  const body = sse(
    { type: 'message_start', message: { id: 'msg_3', model: 'claude', usage: { input_tokens: 9 } } },
    ...deltas,
    { type: 'message_delta', delta: { stop_reason: 'end_turn' }, usage: { output_tokens: 5_000 } },
    { type: 'message_stop' },
  );
  t.ok(body.length > 3 * (headBytes + tailBytes));
  t.strictSame(read(events, body, 999), {
    responseId: 'msg_3',
    responseModel: 'claude',
    finishReasons: ['end_turn'],
    inputTokens: 9,
    outputTokens: 5_000,
  });
  t.end();
});

test('a last event too large for the window tells what its tail holds', (t) => {
  const output = 'x'.repeat(100_000);
  const response = { id: 'resp_2', model: 'gpt-5', output, usage: { input_tokens: 1, output_tokens: 2 }, user: null };
  const body = sse(
    { type: 'response.created', response: { id: 'resp_2', model: 'gpt-5' } },
    { type: 'response.completed', response },
  );
  t.strictSame(read(events, body, 10), {
    responseId: 'resp_2',
    responseModel: 'gpt-5',
    inputTokens: 1,
    outputTokens: 2,
  });
  t.end();
});

test('other bodies are not read', (t) => {
  t.equal(createUsageReader(['content-type', 'image/png']), undefined);
  t.equal(createUsageReader([]), undefined);
  t.equal(createUsageReader([...json, 'Content-Encoding', 'gzip']), undefined, 'compressed');
  t.ok(createUsageReader(['content-type', 'application/problem+json']));
  t.end();
});

test('what is not believable is left out', (t) => {
  const body = JSON.stringify({
    id: { nested: true },
    model: 'm'.repeat(5_000),
    choices: Array.from({ length: 50 }, () => ({ finish_reason: 'line\nbreak' })),
    usage: { prompt_tokens: -1, completion_tokens: '7', input_tokens: 1e300, output_tokens: 2.5 },
  });
  const usage = read(json, body);
  t.equal(usage.responseModel?.length, 128);
  t.equal(usage.finishReasons?.length, 8);
  t.equal(usage.finishReasons?.[0], 'line break');
  t.notOk('inputTokens' in usage || 'outputTokens' in usage || 'responseId' in usage);
  t.end();
});

test('property: any bytes in any pieces, nothing throws and the window never grows', (t) => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    fc.json({ maxDepth: 4 }).map((text) => Buffer.from(`data: ${text}\n\n`)),
    fc.constantFrom('"usage":{', '"usage": {{{', '}', '[[[[', '"usageMetadata":').map((text) => Buffer.from(text)),
    fc.nat(60_000).map((size) => Buffer.alloc(size, '{')),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), fc.boolean(), (pieces, streaming) => {
      const reader = createUsageReader(streaming ? events : json);
      for (const one of pieces) reader?.passed(one);
      const usage = reader?.end() ?? {};
      for (const value of Object.values(usage)) {
        if (typeof value === 'number' && !(value >= 0)) throw new Error(`${value}`);
      }
    }),
    { seed: 1, numRuns: 150 },
  );
  t.pass('held for all');
  t.end();
});

test('property: the window keeps exactly the first and the last bytes', (t) => {
  fc.assert(
    fc.property(fc.array(fc.nat(20_000), { maxLength: 10 }), (sizes) => {
      const window = createUsageWindow();
      const all = Buffer.concat(sizes.map((size, index) => Buffer.alloc(size, `${index}abc`)));
      let at = 0;
      for (const size of sizes) {
        window.passed(all.subarray(at, at + size));
        at += size;
      }
      const { head, tail, whole } = window.read();
      if (!head.equals(all.subarray(0, headBytes))) throw new Error('head');
      const rest = all.subarray(headBytes);
      if (!tail.equals(rest.subarray(Math.max(0, rest.length - tailBytes)))) throw new Error('tail');
      if (whole !== rest.length <= tailBytes) throw new Error('whole');
    }),
    { seed: 1, numRuns: 150 },
  );
  t.pass('held for all');
  t.end();
});

function tailOf(mark: Buffer, begun: (start: Buffer) => void): EventTail {
  return { mark, begun, room: takeRoom(), length: 0, whole: true };
}

test('property: of a stream its end is kept, three events at least, and its beginning shown before it is dropped', (t) => {
  const mark = Buffer.from('\ndata:');
  const event = fc.oneof(fc.nat(400), fc.nat(400), fc.nat(12_000)).map((size) => `\ndata:${'x'.repeat(size)}\n`);
  const world = fc.tuple(fc.array(event, { maxLength: 60 }), fc.array(fc.nat(), { maxLength: 40 }), fc.nat(60_000));
  fc.assert(
    fc.property(world, ([events, cuts, silence]) => {
      const all = Buffer.from(events.join('') + '-'.repeat(silence % 7 === 0 ? silence : 0));
      const shown: Buffer[] = [];
      const tail = tailOf(mark, (start) => shown.push(Buffer.from(start)));
      const ends = [...cuts.map((cut) => cut % (all.length + 1)), all.length].sort((a, b) => a - b);
      for (const [index, end] of ends.entries()) keep(tail, all.subarray(ends[index - 1] ?? 0, end));
      const { whole } = tail;
      const bytes = kept(tail);
      if (whole !== bytes.equals(all) || whole !== (shown.length === 0)) throw new Error('whole');
      if (!all.subarray(all.length - bytes.length).equals(bytes)) throw new Error('not the end');
      const marksIn = (part: Buffer) => part.toString('latin1').split('\ndata:').length - 1;
      if (!whole && marksIn(bytes) < 3 && bytes.length < mostRoom / 2) throw new Error('too little kept');
      if (bytes.length > mostRoom) throw new Error('too much kept');
      for (const start of shown) {
        if (!all.subarray(0, start.length).equals(start)) throw new Error('not the beginning');
        if (marksIn(start) < 3 && start.length < mostRoom / 2) throw new Error('too little shown');
      }
    }),
    { seed: 1, numRuns: 300 },
  );
  t.pass('held for all');
  t.end();
});

test('a long stream of small events is held in the room it began with', (t) => {
  const tail = tailOf(Buffer.from('\ndata:'), () => {});
  const event = Buffer.from(`data: ${'x'.repeat(200)}\n\n`);
  for (let n = 0; n < 1_000; n += 1) keep(tail, event);
  t.equal(tail.room.length, firstRoom);
  t.end();
});

import { connect } from 'node:net';
import { test } from 'tap';
import { refusedFor, routed, startGate } from '../support/routing-world.ts';

const json = { 'content-type': 'application/json' };
const chat = { method: 'POST', path: '/openai/v1/chat/completions', headers: json };
const upload = { method: 'PUT', path: '/http/file', headers: { 'content-type': 'application/octet-stream' } };
const plain = { preset: 'http', upstream: 'https://files.example' };

function padded(bytes: number): string {
  const start = '{"model":"gpt-5","x":"';
  return `${start}${'x'.repeat(bytes - start.length - 2)}"}`;
}

test('an inspected body passes byte for byte', async (t) => {
  const gate = await startGate(t, [{ preset: 'openai' }]);
  const body = '{ "stream" : false,\t"model":"gpt-5",  "n": 1.0 }\r\n';
  const call = routed(await gate.ask({ ...chat, body }));
  t.equal(call.body.kind === 'buffered' && call.body.bytes.toString(), body);
});

test('an inspected body fits the limit, to the byte, however it is sent', async (t) => {
  const gate = await startGate(t, [{ preset: 'openai', inspection_limit: '100KiB' }]);
  for (const chunked of [false, true]) {
    t.equal(refusedFor(await gate.ask({ ...chat, body: padded(102_400), chunked })), 'routed');
    t.equal(refusedFor(await gate.ask({ ...chat, body: padded(102_401), chunked })), 'body_over_inspection_limit');
  }
});

test('an inspected body that comes in many pieces is the same body', async (t) => {
  const gate = await startGate(t, [{ preset: 'openai' }]);
  const body = `{"model":"gpt-5","x":"${Array.from({ length: 50_000 }, (_, index) => index).join(' ')}"}`;
  for (const chunked of [false, true]) {
    const call = routed(await gate.ask({ ...chat, body, chunked }));
    t.equal(call.body.kind === 'buffered' && call.body.bytes.toString() === body, true);
  }
});

test('a body nobody needs to read is read whole only when it is small', async (t) => {
  const gate = await startGate(t, [plain]);
  const bodyOf = async (asked: object): Promise<object> => routed(await gate.ask({ ...upload, ...asked })).body;
  t.match(await bodyOf({ body: 'x'.repeat(65_536) }), { kind: 'buffered' });
  t.match(await bodyOf({ body: 'x'.repeat(65_537) }), { kind: 'stream', length: 65_537 });
  t.match(await bodyOf({ body: 'x', chunked: true }), { kind: 'stream', length: undefined });
  t.strictSame(await bodyOf({ body: '' }), { kind: 'none' });
  t.strictSame(await bodyOf({}), { kind: 'none' });
});

test('a call without a body has no model', async (t) => {
  const gate = await startGate(t, [{ preset: 'openai' }]);
  for (const chunked of [false, true]) {
    const { facts, body } = routed(await gate.ask({ ...chat, body: '', chunked }));
    t.hasStrict(facts, { operation: 'chat', model: undefined, stream: undefined });
    t.strictSame(body, { kind: 'none' });
  }
});

test('a body that ends early is refused', async (t) => {
  const gate = await startGate(t, [{ preset: 'openai' }]);
  const outcome = gate.next();
  const socket = connect(gate.port, '127.0.0.1');
  const head = [
    'POST /openai/v1/chat/completions HTTP/1.1',
    'Host: gate',
    'Content-Type: application/json',
    'Content-Length: 99',
  ];
  socket.write(`${head.join('\r\n')}\r\n\r\n{"model":"gpt-5"}`, () => socket.destroy());
  t.equal(refusedFor(await outcome), 'request_malformed');
});

test('a body that comes with its head, or after it, or before the next request, is the same body', async (t) => {
  const gate = await startGate(t, [{ preset: 'openai' }]);
  const body = '{"model":"gpt-5","n":1}';
  const head = `POST /openai/v1/chat/completions HTTP/1.1\r\nHost: gate\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  const bytesOf = async (outcome: ReturnType<typeof gate.next>) => {
    const { body: read } = routed(await outcome);
    return read.kind === 'buffered' ? read.bytes.toString() : read.kind;
  };
  const send = async (...pieces: readonly string[]) => {
    const outcome = gate.next();
    const socket = connect(gate.port, '127.0.0.1');
    t.teardown(() => socket.destroy());
    for (const piece of pieces) await new Promise<void>((resolve) => socket.write(piece, () => resolve()));
    return bytesOf(outcome);
  };

  t.equal(await send(`${head}${body}`), body);
  t.equal(await send(`${head}${body.slice(0, 5)}`, body.slice(5)), body);
  const behind = `${head}${body.replace('gpt-5', 'other')}`;
  t.equal(await send(`${head}${body}${behind}`), body, 'and nothing of the request behind it');
});

// Attack: an upstream, or whoever answers in its place, sends what is not one well-formed HTTP answer: ambiguous framing to
// desynchronise the connection, endless headers to fill memory, an unasked protocol switch, half an answer passed off as whole.
// Held by: nothing of it reaches the agent as an answer; before the head a refusal, after it a cut connection, never a retry.

import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { test } from 'tap';
import { startRawUpstream } from '../support/forwarding-upstream.ts';
import { answerTo, forwardingWorld } from '../support/forwarding-world.ts';

const ok = 'HTTP/1.1 200 OK\r\n';

const beforeTheHead: Record<string, string> = {
  'nothing at all': '',
  'no HTTP': 'SSH-2.0-OpenSSH_9.6\r\n',
  'another version': 'HTTP/9.9 200 OK\r\n\r\n',
  'no status': 'HTTP/1.1\r\n\r\n',
  'a status below 100': 'HTTP/1.1 042 X\r\ncontent-length: 0\r\n\r\n',
  'half a head': `${ok}content-length: 1`,
  'two lengths': `${ok}content-length: 1\r\ncontent-length: 2\r\n\r\nab`,
  'a length and chunks': `${ok}content-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`,
  'a negative length': `${ok}content-length: -1\r\n\r\n`,
  'a length list': `${ok}content-length: 1, 1\r\n\r\na`,
  'a coding besides chunked': `${ok}transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  'an unknown coding': `${ok}transfer-encoding: xchunked\r\n\r\n`,
  'a header without a name': `${ok}: x\r\n\r\n`,
  'a space before the colon': `${ok}content-length : 0\r\n\r\n`,
  'a folded header': `${ok}x-a: b\r\n c\r\ncontent-length: 0\r\n\r\n`,
  'a NUL in a header': `${ok}x-a: b\0c\r\ncontent-length: 0\r\n\r\n`,
  'a control character in a header': `${ok}x-a: b\x01c\r\ncontent-length: 0\r\n\r\n`,
  'a bare CR in a header': `${ok}x-a: b\rset-cookie: c\r\ncontent-length: 0\r\n\r\n`,
  'headers beyond the limit': `${ok}x-a: ${'a'.repeat(40_000)}\r\n\r\n`,
  'header lines beyond the limit': `${ok}${'a: b\r\n'.repeat(300)}\r\n`,
  'a protocol switch': 'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
  'a protocol switch to nothing': 'HTTP/1.1 101 Switching Protocols\r\n\r\n',
  'interim answers without end': 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(9),
};

for (const [name, bytes] of Object.entries(beforeTheHead)) {
  test(`${name}: refused`, async (t) => {
    let asked = 0;
    const upstream = await startRawUpstream((socket) => {
      asked += 1;
      socket.end(bytes, 'latin1');
    });
    const { gate } = await forwardingWorld(t, upstream);
    const answer = await fetch(`${gate.url}/things/a`);
    t.equal(answer.status, 502);
    t.strictSame(
      [...answer.headers.keys()].filter((each) => each === 'x-a' || each === 'set-cookie'),
      [],
    );
    t.match(await gate.ended(), { reason: 'upstream_answer_malformed' });
    t.equal(asked, 1, 'never sent twice');
    t.notMatch(gate.refusals[0]?.detail, /SSH|aaaa/, 'no excerpt of the answer');
    t.equal(gate.refusals[0]?.cause, undefined);
  });
}

const afterTheHead: Record<string, string> = {
  'a body shorter than its length': `${ok}content-length: 100\r\n\r\nshort`,
  'a chunk size that is none': `${ok}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n`,
  'a chunk longer than its size': `${ok}transfer-encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n`,
  'no last chunk': `${ok}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n`,
  'a chunk size beyond any number': `${ok}transfer-encoding: chunked\r\n\r\n${'f'.repeat(20)}\r\n`,
};

for (const [name, bytes] of Object.entries(afterTheHead)) {
  test(`${name}: cut, so that it does not look whole`, async (t) => {
    const { gate } = await forwardingWorld(t, await startRawUpstream((socket) => socket.end(bytes, 'latin1')));
    const answer = await answerTo(httpRequest(`${gate.url}/things/a`).end());
    answer.resume();
    await once(answer, 'error');
    t.equal(answer.complete, false);
    t.match(await gate.ended(), { status: 200, end: 'upstream_error' });
    t.match(gate.attempts, [{ ends: [['upstream_error', 'upstream_answer_malformed']] }]);
  });
}

test('bytes beyond the answer never become the answer of the next call', async (t) => {
  const hidden = 'HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nhidden';
  const upstream = await startRawUpstream((socket) => {
    const head = `${ok}connection: keep-alive\r\ncontent-length: 5\r\n\r\n`;
    socket.write(`${head}first${hidden}`);
  });
  const { gate } = await forwardingWorld(t, upstream, { route: { maxConnections: 1 } });
  for (let call = 0; call < 4; call += 1) {
    t.equal(await (await fetch(`${gate.url}/things/${call}`)).text(), 'first');
  }
});

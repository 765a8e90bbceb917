// One OTLP request: whatever answers, it is settled, by our own client and by Node's alike. What never settled would hold every later
// batch back for good.

import { execFile } from 'node:child_process';
import type { Socket } from 'node:net';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { type Test, test } from 'tap';
import { certificateFile, postTo, startCollector, taken } from '../support/otlp-collector.ts';

process.env['OTEL_EXPORTER_OTLP_CERTIFICATE'] = certificateFile;

function withVariable(t: Test, name: string, value: string): void {
  process.env[name] = value;
  t.teardown(() => delete process.env[name]);
}

const again = (problem: RegExp | string, afterMs?: number) => ({ kind: 'again', problem, afterMs });
const refused = (problem: string) => ({ kind: 'refused', problem });
const took = (body: string) => ({ kind: 'taken', body: Buffer.from(body) });

/** What collectors and what stands before them answer, and what it is taken for. */
const answers: readonly (readonly [text: string, posted: object, ends?: 'ends'])[] = [
  ['HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n', refused('status 101')],
  ['HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\ncontent-length: 0\r\n\r\n', refused('status 302')],
  ['HTTP/1.1 204 No Content\r\n\r\n', took('')],
  ['no HTTP at all\r\n\r\n', again(/^H/)],
  ['HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n', took('')],
  ['HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab', took('ab')],
  ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n', took('abc')],
  ['HTTP/1.1 200 OK\r\nServer: nginx\r\nConnection: close\r\n\r\nab', took('ab'), 'ends'],
  ['HTTP/1.0 200 OK\r\nServer: BaseHTTP/0.6\r\n\r\nab', took('ab'), 'ends'],
  ['HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nab', took('ab')],
  ['HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n', took('')],
  ['HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nab', took(''), 'ends'],
  ['HTTP/1.1 400 Bad Request\r\ncontent-length: 3\r\n\r\nbad', refused('status 400')],
  ['HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\ncontent-length: 0\r\n\r\n', again('status 429', 7_000)],
  ['HTTP/1.1 503 Busy\r\nretry-after: Fri, 1 Jan 2100 00:00:00 GMT\r\ncontent-length: 0\r\n\r\n', again('status 503')],
  ['HTTP/1.1 502 Bad Gateway\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n', again('status 502')],
  ['HTTP/1.1 504 Gateway Timeout\r\n\r\n<html>', again('status 504'), 'ends'],
  ['HTTP/1.1 200 OK\r\ncontent-le', again(/^(CLOSED_EARLY|ECONNRESET|HPE_INVALID_EOF_STATE)$/), 'ends'],
  ['', again(/^(CLOSED_EARLY|ECONNRESET)$/), 'ends'],
];

for (const scheme of ['http', 'https'] as const) {
  for (const [text, posted, ends] of answers) {
    const name = `${scheme}: answered ${JSON.stringify(text.slice(0, 40))}${ends === undefined ? '' : ' and the end'}`;
    test(name, async (t) => {
      const { url } = await startCollector(t, scheme, (socket) => {
        if (ends === undefined) socket.write(text);
        else socket.end(text);
      });
      t.match(await postTo(url)(), posted);
    });
  }

  test(`${scheme}: path, query, headers and body as they are configured`, async (t) => {
    withVariable(t, 'OTEL_EXPORTER_OTLP_HEADERS', 'x-tenant=one,Content-Type=text/plain,X-Team=a');
    withVariable(t, 'OTEL_EXPORTER_OTLP_TRACES_HEADERS', 'x-team=b');
    const { port, requests } = await startCollector(t, scheme, (socket) => void socket.write(taken));
    const post = postTo(`${scheme}://us%40er:pa%3Ass@127.0.0.1:${port}/in/v1/traces?a=b%20c&d=ü#f`, { 'x-key': 'k' });
    t.equal((await post('body')).kind, 'taken');
    const [head = '', body] = requests[0]?.split('\r\n\r\n') ?? [];
    const [line, ...lines] = head.toLowerCase().split('\r\n');
    t.equal(line, 'post /in/v1/traces?a=b%20c&d=%c3%bc http/1.1');
    const basic = Buffer.from('us@er:pa:ss').toString('base64').toLowerCase();
    const type = 'content-type: application/x-protobuf';
    const rest = [
      `host: 127.0.0.1:${port}`,
      'connection: keep-alive',
      'content-length: 4',
      `authorization: basic ${basic}`,
    ];
    t.strictSame(lines.sort(), [...rest, type, 'x-key: k', 'x-team: b', 'x-tenant: one'].sort());
    t.equal(body, 'body');
  });

  test(`${scheme}: a header of its own wins over what the URL says`, async (t) => {
    const { port, requests } = await startCollector(t, scheme, (socket) => void socket.write(taken));
    await postTo(`${scheme}://user:pass@127.0.0.1:${port}/`, { Authorization: 'Bearer k' })();
    t.strictSame(requests[0]?.match(/authorization: .*/gi), ['authorization: Bearer k']);
  });

  test(`${scheme}: a header that cannot be sent fails the request and nothing else`, async (t) => {
    const { url, requests } = await startCollector(t, scheme, () => {});
    t.equal((await postTo(url, { 'x-key': 'Ω' })()).kind, 'again');
    t.equal(requests.length, 0);
  });

  test(`${scheme}: compressed where the environment says so`, async (t) => {
    withVariable(t, 'OTEL_EXPORTER_OTLP_COMPRESSION', 'gzip');
    const { url, requests } = await startCollector(t, scheme, (socket) => void socket.write(taken));
    const large = 'many words '.repeat(20_000);
    t.equal((await postTo(url)(large)).kind, 'taken');
    const [head = '', body = ''] = requests[0]?.split(/\r\n\r\n(.*)/s) ?? [];
    t.match(head, /\r\ncontent-encoding: gzip/);
    t.equal(gunzipSync(Buffer.from(body, 'latin1')).toString(), large);
  });

  test(`${scheme}: large requests follow each other on one connection`, async (t) => {
    const { url, sockets, requests } = await startCollector(t, scheme, (socket) => void socket.write(taken));
    const post = postTo(url);
    for (let n = 0; n < 3; n += 1) t.equal((await post('x'.repeat(300_000))).kind, 'taken');
    t.strictSame([sockets.length, requests.length], [1, 3]);
  });

  test(`${scheme}: a collector that talks for ever is not read, and what it took is taken`, async (t) => {
    withVariable(t, 'OTEL_EXPORTER_OTLP_TIMEOUT', '86400000');
    const { url, sockets } = await startCollector(t, scheme, (socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      const more = () => {
        while (!socket.destroyed && socket.write(Buffer.alloc(65_536, 'x')));
      };
      socket.on('drain', more);
      more();
    });
    t.match(await postTo(url)(), took(''));
    await closed(sockets[0]);
  });

  test(`${scheme}: a collector that says nothing is given up at the time given, its connection with it`, async (t) => {
    const { url, sockets } = await startCollector(t, scheme, () => {});
    t.match(await postTo(url)('x', { timeoutMs: 20 }), again('ETIMEDOUT'));
    // It may not have come to a connection.
    if (sockets[0] !== undefined) await closed(sockets[0]);
  });

  test(`${scheme}: the time of the environment is the longest`, async (t) => {
    withVariable(t, 'OTEL_EXPORTER_OTLP_TIMEOUT', '20');
    const { url } = await startCollector(t, scheme, () => {});
    t.match(await postTo(url)('x', { timeoutMs: 60_000 }), { kind: 'again', afterMs: undefined });
  });

  test(`${scheme}: an answer that does not end is given up, and its status stands`, async (t) => {
    const { url, sockets } = await startCollector(t, scheme, (socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nab');
    });
    t.match(await postTo(url)('x', { timeoutMs: 500 }), took(''));
    await closed(sockets[0]);
  });

  test(`${scheme}: ended by its sender, on its way and before`, async (t) => {
    const { url, sockets, requests, first } = await startCollector(t, scheme, () => {});
    const abort = new AbortController();
    const post = postTo(url);
    const posted = post('x', { signal: abort.signal });
    await first;
    abort.abort();
    t.match(await posted, again('ABORTED'));
    await closed(sockets[0]);
    t.match(await post('x', { signal: abort.signal }), again('ABORTED'));
    t.equal(requests.length, 1);
  });

  test(`${scheme}: ended while there is no connection yet, the next one is sent`, async (t) => {
    const { url, requests } = await startCollector(t, scheme, (socket) => void socket.write(taken));
    const abort = new AbortController();
    const post = postTo(url);
    setImmediate(() => abort.abort());
    t.match(await post('first', { signal: abort.signal }), again('ABORTED'));
    for (const body of ['second', 'third']) t.equal((await post(body)).kind, 'taken');
    t.strictSame(
      requests.map((text) => text.split('\r\n\r\n')[1]),
      ['second', 'third'],
    );
  });

  test(`${scheme}: nobody listens`, async (t) => {
    const { url, sockets } = await startCollector(t, scheme, (socket) => void socket.end(taken));
    t.equal(sockets.length, 0);
    const gone = url.replace(/:\d+\//, ':1/');
    t.match(await postTo(gone)(), again('ECONNREFUSED'));
  });

  test(`${scheme}: the process lives until the answer is there, and no connection keeps it longer`, async (t) => {
    const { url, sockets } = await startCollector(t, scheme, (socket) => {
      setTimeout(() => socket.write(taken), 50); // a process that nothing holds would be gone
    });
    const script = `
      import { createPost } from '${new URL('../../src/telemetry/otlp-post.ts', import.meta.url)}';
      const post = createPost({ url: '${url}', headers: async () => ({}), signal: 'TRACES' });
      const { kind } = await post(Buffer.from('x'), { signal: new AbortController().signal });
      await new Promise(setImmediate);
      console.log(kind, process.getActiveResourcesInfo().filter((kind) => /TCP|TLS|Timeout/.test(kind)).join());`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script]);
    t.equal(stdout.trim(), 'taken');
    t.equal(sockets.length, 1);
  });
}

async function closed(socket: Socket | undefined): Promise<void> {
  if (socket === undefined || socket.closed) return;
  await new Promise((resolve) => socket.once('close', resolve));
}

test('a host that the environment names is sent, by the client that can', async (t) => {
  withVariable(t, 'OTEL_EXPORTER_OTLP_HEADERS', 'Host=collector.example');
  const { url, requests } = await startCollector(t, 'http', (socket) => void socket.write(taken));
  t.equal((await postTo(url)()).kind, 'taken');
  t.strictSame(requests[0]?.match(/host: .*/gi), ['host: collector.example']);
});

// Attack: request smuggling. A client frames one request so that two parsers see two different ones (CL.TE, TE.CL, bare
// LF, obs-fold, several Content-Lengths), hoping the hidden request passes the gate unseen. Held by strict parsing: such a
// message never becomes an arrival, and its connection is closed so that nothing after it is read.

import { connect } from 'node:net';
import { test } from 'tap';
import { refuseEverything } from '../support/listeners-refusing.ts';

const hidden = 'GET /smuggled HTTP/1.1\r\nHost: gate\r\n\r\n';

const attacks: Record<string, string> = {
  'Content-Length and Transfer-Encoding': `POST / HTTP/1.1\r\nHost: gate\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${hidden}`,
  'Transfer-Encoding before Content-Length': `POST / HTTP/1.1\r\nHost: gate\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n${hidden}`,
  'two Content-Lengths': `POST / HTTP/1.1\r\nHost: gate\r\nContent-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
  'a Content-Length list': `POST / HTTP/1.1\r\nHost: gate\r\nContent-Length: 0, ${hidden.length}\r\n\r\n${hidden}`,
  'a signed Content-Length': `POST / HTTP/1.1\r\nHost: gate\r\nContent-Length: +5\r\n\r\nhello`,
  'a hexadecimal Content-Length': `POST / HTTP/1.1\r\nHost: gate\r\nContent-Length: 0x5\r\n\r\nhello`,
  'chunked not last': `POST / HTTP/1.1\r\nHost: gate\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${hidden}`,
  'an unknown Transfer-Encoding': `POST / HTTP/1.1\r\nHost: gate\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${hidden}`,
  'Transfer-Encoding with a space before the colon': `POST / HTTP/1.1\r\nHost: gate\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n${hidden}`,
  'bare LF line ends': `POST / HTTP/1.1\nHost: gate\nContent-Length: 0\n\n${hidden}`,
  'bare LF in the header block': `POST / HTTP/1.1\r\nHost: gate\nX-A: b\r\nContent-Length: 0\r\n\r\n`,
  'bare CR in a value': `GET / HTTP/1.1\r\nHost: gate\r\nX-A: b\rTransfer-Encoding: chunked\r\n\r\n`,
  'a folded header': `GET / HTTP/1.1\r\nHost: gate\r\nX-A: b\r\n Transfer-Encoding: chunked\r\n\r\n`,
  'a NUL in a value': `GET / HTTP/1.1\r\nHost: gate\r\nX-A: b\0c\r\n\r\n`,
  'no Host': 'GET / HTTP/1.1\r\n\r\n',
  'a bad chunk size': `POST / HTTP/1.1\r\nHost: gate\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n${hidden}`,
  'headers over the limit': `GET / HTTP/1.1\r\nHost: gate\r\nX-A: ${'a'.repeat(20_000)}\r\n\r\n`,
  'a request line over the limit': `GET /${'a'.repeat(20_000)} HTTP/1.1\r\nHost: gate\r\n\r\n`,
  CONNECT: 'CONNECT 169.254.169.254:80 HTTP/1.1\r\nHost: 169.254.169.254\r\n\r\n',
};

for (const [name, bytes] of Object.entries(attacks)) {
  test(`${name}: no hidden request, connection closed`, async (t) => {
    const gate = await refuseEverything('problem', 'route_unmatched');
    t.teardown(() => gate.drain(0));

    const answer = await exchangeBytes(gate.url, bytes);

    t.notOk(
      gate.arrivals.some((arrival) => arrival.target.includes('smuggled')),
      'the hidden request was never seen',
    );
    t.match(answer.toString('latin1'), /^HTTP\/1\.1 4\d\d /);
  });
}

test('a well-formed pair of pipelined requests is still two requests', async (t) => {
  const gate = await refuseEverything('problem', 'route_unmatched');
  t.teardown(() => gate.drain(0));

  await exchangeBytes(
    gate.url,
    'POST /one HTTP/1.1\r\nHost: gate\r\nContent-Length: 2\r\n\r\nhiGET /two HTTP/1.1\r\nHost: gate\r\nConnection: close\r\n\r\n',
  );

  t.strictSame(
    gate.arrivals.map((arrival) => arrival.target),
    ['/one', '/two'],
  );
});

/** Sends raw bytes and reads until the server closes the connection: that it closes is part of what is tested. */
function exchangeBytes(url: string, bytes: string): Promise<Buffer> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const received: Buffer[] = [];
    const socket = connect(Number(port), hostname, () => socket.write(bytes, 'latin1'));
    socket.on('data', (chunk) => received.push(chunk));
    socket.on('close', () => resolve(Buffer.concat(received)));
    socket.on('error', reject);
  });
}

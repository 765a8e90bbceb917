// Long bodies both ways: bytes unchanged, nothing piled up in the gate, and every way a stream can end early.

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { test } from 'tap';
import { answerTo, forwardingWorld, until } from '../support/forwarding-world.ts';

const mebibyte = 1_048_576;

/** More than this never fits into the sockets between; what a gate without backpressure would hold is 64 MiB. */
const held = 24 * mebibyte;

/** Runs until `progress` has not changed for many turns of the event loop: then everything that can move has moved. */
async function standstill(progress: () => number): Promise<void> {
  let last = progress();
  for (let quiet = 0; quiet < 500; quiet += 1) {
    await new Promise(setImmediate);
    if (progress() === last) continue;
    last = progress();
    quiet = 0;
  }
}

const pattern = Buffer.from(Array.from({ length: 65_536 }, (_, index) => (index * 31) % 251));

function patternHash(repeats: number): string {
  const hash = createHash('sha256');
  for (let i = 0; i < repeats; i += 1) hash.update(pattern);
  return hash.digest('hex');
}

test('an event stream: the head before the first event, each event as it comes, bytes unchanged', async (t) => {
  const events = [
    'event: a\ndata: {"x":1}\n\n',
    ': comment\r\n\r\n',
    'id: 7\ndata: ü\ndata: 2\n\n',
    'data: [DONE]\n\n',
  ];
  const next: (() => void)[] = [];
  const { gate } = await forwardingWorld(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' }).flushHeaders();
    for (const event of events) next.push(() => response.write(event));
    next.push(() => response.end());
  });
  const answer = await answerTo(httpRequest(`${gate.url}/things/a`).end());
  t.equal(answer.headers['content-type'], 'text/event-stream; charset=utf-8');
  for (const event of events) {
    next.shift()?.();
    const [chunk] = await once(answer, 'data');
    t.equal(chunk.toString(), event);
  }
  next.shift()?.();
  await once(answer, 'end');
  t.match(await gate.ended(), { end: 'complete', bytesSent: Buffer.byteLength(events.join('')) });
  t.match(gate.attempts, [{ passed: Buffer.byteLength(events.join('')), ends: [['complete', undefined]] }]);
});

for (const framing of ['content-length', 'chunked']) {
  test(`a download of 64 MiB (${framing}) waits for a slow agent and arrives whole`, async (t) => {
    const repeats = 1_024;
    let written = 0;
    const { gate } = await forwardingWorld(t, (_request, response) => {
      response.setHeader('content-type', 'application/octet-stream');
      if (framing === 'content-length') response.setHeader('content-length', repeats * pattern.length);
      const more = () => {
        while (written < repeats) {
          written += 1;
          if (!response.write(pattern)) return;
        }
        response.end();
      };
      response.on('drain', more);
      more();
    });
    const answer = await answerTo(httpRequest(`${gate.url}/things/a`).end());
    await standstill(() => written);
    t.ok(written * pattern.length < held, `${written * pattern.length} bytes under way`);

    const hash = createHash('sha256');
    for await (const chunk of answer) hash.update(chunk);
    t.equal(hash.digest('hex'), patternHash(repeats));
    t.match(await gate.ended(), { end: 'complete', bytesSent: repeats * pattern.length });
  });

  test(`an upload of 64 MiB (${framing}) waits for a slow upstream and arrives whole`, async (t) => {
    const repeats = 1_024;
    let sent = 0;
    let read: () => void = () => {};
    const arrived = Promise.withResolvers<string>();
    const { upstream, gate } = await forwardingWorld(
      t,
      (request, response) => {
        read = async () => {
          const hash = createHash('sha256');
          for await (const chunk of request) hash.update(chunk);
          arrived.resolve(hash.digest('hex'));
          response.end('thanks');
        };
      },
      { stream: true },
    );
    const request = httpRequest(`${gate.url}/things/a`, { method: 'POST' });
    if (framing === 'content-length') request.setHeader('content-length', repeats * pattern.length);
    const more = () => {
      while (sent < repeats) {
        sent += 1;
        if (!request.write(pattern)) return;
      }
      request.end();
    };
    request.on('drain', more);
    more();
    await standstill(() => sent);
    t.ok(sent * pattern.length < held, `${sent * pattern.length} bytes under way`);
    t.equal(upstream.requests[0]?.headers['content-length'], framing === 'chunked' ? undefined : '67108864');

    read();
    t.equal(await arrived.promise, patternHash(repeats));
    const answer = await answerTo(request);
    answer.resume();
    t.match(await gate.ended(), { end: 'complete', bytesReceived: repeats * pattern.length });
  });
}

test('an upstream that refuses an upload before reading it is heard', async (t) => {
  const { gate } = await forwardingWorld(
    t,
    (_request, response) => {
      response.writeHead(413, { 'content-type': 'text/plain', 'content-length': '9' }).end('too large');
    },
    { stream: true },
  );
  const request = httpRequest(`${gate.url}/things/a`, { method: 'POST' });
  request.on('error', () => {});
  let sent = 0;
  const more = () => {
    while (sent < 320) {
      sent += 1;
      if (!request.write(pattern)) return;
    }
    request.end();
  };
  request.on('drain', more);
  more();
  const answer = await answerTo(request);
  t.equal(answer.statusCode, 413);
  answer.setEncoding('utf8');
  t.equal((await once(answer, 'data'))[0], 'too large');
});

// ------------------------------------------------------------------------------------------------ the agent leaves

test('an agent that leaves in mid-stream ends the upstream’s side', async (t) => {
  const upstreamClosed = Promise.withResolvers<void>();
  const { gate } = await forwardingWorld(t, (_request, response) => {
    response.on('close', upstreamClosed.resolve);
    response.write('data: 1\n\n');
  });
  const answer = await answerTo(httpRequest(`${gate.url}/things/a`).end());
  answer.on('error', () => {});
  await once(answer, 'data');
  answer.destroy();
  await upstreamClosed.promise;
  t.match(await gate.ended(), { status: 200, end: 'client_abort', bytesSent: 9 });
  t.match(gate.attempts, [{ ends: [['client_abort', undefined]] }]);
});

test('an agent that leaves before the head ends the upstream’s side', async (t) => {
  const arrived = Promise.withResolvers<void>();
  const upstreamClosed = Promise.withResolvers<void>();
  const { gate } = await forwardingWorld(t, (_request, response) => {
    response.on('close', upstreamClosed.resolve);
    arrived.resolve();
  });
  const request = httpRequest(`${gate.url}/things/a`).end();
  request.on('error', () => {});
  await arrived.promise;
  request.destroy();
  await upstreamClosed.promise;
  t.match(await gate.ended(), { status: 499, end: 'client_abort', bytesSent: 0 });
});

test('an agent that leaves while its call waits for a connection is never sent', async (t) => {
  let finish: () => void = () => {};
  const { upstream, gate } = await forwardingWorld(
    t,
    (_request, response) => {
      finish = () => response.end('ok');
    },
    { route: { maxConnections: 1 } },
  );
  const first = fetch(`${gate.url}/things/1`);
  await until(() => upstream.requests.length === 1);
  const second = httpRequest(`${gate.url}/things/2`).end();
  second.on('error', () => {});
  await until(() => gate.forwarding.stats().queued === 1);
  second.destroy();
  t.match(await gate.ended(), { status: 499, end: 'client_abort' });
  finish();
  t.equal((await first).status, 200);
  await until(() => gate.forwarding.stats().queued === 0);
  t.equal(upstream.requests.length, 1);
  t.match(gate.forwarding.stats(), { active: 0, queued: 0 });
});

test('an agent that leaves in mid-upload ends the upstream’s side', async (t) => {
  const upstreamClosed = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const { gate } = await forwardingWorld(
    t,
    (request) => {
      request.on('error', () => {});
      request.once('data', () => arrived.resolve());
      request.on('close', upstreamClosed.resolve);
    },
    { stream: true },
  );
  const request = httpRequest(`${gate.url}/things/a`, { method: 'POST', headers: { 'content-length': '1000' } });
  request.on('error', () => {});
  request.write('first part');
  await arrived.promise;
  request.destroy();
  await upstreamClosed.promise;
  t.match(await gate.ended(), { status: 499, end: 'client_abort', bytesReceived: 10 });
});

// ------------------------------------------------------------------------------------------------ the upstream leaves

test('an upstream that leaves in mid-body: the agent’s connection is cut, not ended', async (t) => {
  const { gate } = await forwardingWorld(t, (_request, response) => {
    response.write('data: 1\n\n', () => response.destroy());
  });
  const answer = await answerTo(httpRequest(`${gate.url}/things/a`).end());
  answer.resume();
  const [error] = await once(answer, 'error');
  t.match(error, { code: 'ECONNRESET' });
  t.equal(answer.complete, false);
  t.match(await gate.ended(), { status: 200, end: 'upstream_error' });
  t.match(gate.attempts, [{ ends: [['upstream_error', 'upstream_answer_malformed']] }]);
});

test('an upstream that leaves before answering is an upstream error', async (t) => {
  const { upstream, gate } = await forwardingWorld(t, (request) => request.socket.destroy());
  t.equal((await fetch(`${gate.url}/things/a`)).status, 502);
  t.match(await gate.ended(), { reason: 'upstream_answer_malformed' });
  t.equal(upstream.requests.length, 1, 'sent once, never retried');
});

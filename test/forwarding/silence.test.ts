// Idle limits: silence of either side ends a call, length of time alone never does (rule 5).

import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { test } from 'tap';
import { answerTo, forwardingWorld } from '../support/forwarding-world.ts';

const pattern = Buffer.alloc(65_536, 'x');

const shortIdle = { route: { timeouts: { idleMs: 60, connectMs: 5_000 } } };

test('an upstream that never answers is a timeout', async (t) => {
  const { gate } = await forwardingWorld(t, () => {}, shortIdle);
  t.equal((await fetch(`${gate.url}/things/a`)).status, 504);
  t.match(await gate.ended(), { reason: 'upstream_timed_out' });
  t.match(gate.attempts, [{ ends: [['timeout', 'upstream_timed_out']] }]);
});

test('an upstream that falls silent in mid-stream is a timeout', async (t) => {
  const { gate } = await forwardingWorld(t, (_request, response) => void response.write('data: 1\n\n'), shortIdle);
  const answer = await answerTo(httpRequest(`${gate.url}/things/a`).end());
  answer.resume();
  await once(answer, 'error');
  t.match(await gate.ended(), { status: 200, end: 'timeout' });
});

test('a stream that goes on longer than the idle time is not cut', async (t) => {
  const { gate } = await forwardingWorld(
    t,
    (_request, response) => {
      let left = 10;
      const tick = setInterval(() => {
        left -= 1;
        response.write('data: tick\n\n');
        if (left > 0) return;
        clearInterval(tick);
        response.end();
      }, 40);
    },
    { route: { timeouts: { idleMs: 300, connectMs: 5_000 } } },
  );
  const answer = await fetch(`${gate.url}/things/a`);
  t.equal((await answer.text()).length, 10 * 12);
  t.match(await gate.ended(), { end: 'complete' });
});

test('an agent that stops reading is cut after the idle time, and the upstream’s side with it', async (t) => {
  const upstreamClosed = Promise.withResolvers<void>();
  const { gate } = await forwardingWorld(
    t,
    (_request, response) => {
      response.on('close', upstreamClosed.resolve);
      response.on('drain', () => response.write(pattern));
      while (response.write(pattern));
    },
    shortIdle,
  );
  const answer = await answerTo(httpRequest(`${gate.url}/things/a`).end());
  answer.on('error', () => {});
  answer.pause();
  await upstreamClosed.promise;
  t.match(await gate.ended(), { status: 200, end: 'timeout' });
});

test('an agent that stops sending is cut after the idle time, and the upstream’s side with it', async (t) => {
  const upstreamClosed = Promise.withResolvers<void>();
  const { gate } = await forwardingWorld(
    t,
    (request) => {
      request.resume();
      request.on('error', () => {});
      request.on('close', upstreamClosed.resolve);
    },
    { ...shortIdle, stream: true },
  );
  const request = httpRequest(`${gate.url}/things/a`, { method: 'POST', headers: { 'content-length': '1000' } });
  request.write('first part');
  const [error] = await once(request, 'error');
  t.match(error, { code: 'ECONNRESET' });
  await upstreamClosed.promise;
  t.match(await gate.ended(), { end: 'timeout' });
});

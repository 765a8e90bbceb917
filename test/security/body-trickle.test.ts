// Attack: a call is identified, then its body is held back, so that it can be finished hours later: long after its tokens
// have expired and the rules have changed, and holding memory meanwhile. Held by a total deadline for bodies that are read
// whole, which a trickle of bytes does not put off.

import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { mock } from 'node:test';
import { test } from 'tap';
import { readBody } from '../../src/routing/body.ts';
import { rejection } from '../support/rejection.ts';

test('a body that trickles is refused after a minute', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const request = new IncomingMessage(new Socket());
  request.headers['content-length'] = '100';
  const reading = rejection(
    Promise.resolve(readBody({ kind: 'http', request, response: new ServerResponse(request) }, true, 1_024)),
  );

  for (let second = 0; second < 60; second += 1) {
    request.push('x');
    mock.timers.tick(1_000);
  }
  t.match(await reading, { reason: 'request_malformed', detail: 'the body took too long to arrive' });
});

test('a body that comes in time is read whole', async (t) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const request = new IncomingMessage(new Socket());
  request.headers['content-length'] = '2';
  const reading = readBody({ kind: 'http', request, response: new ServerResponse(request) }, true, 1_024);
  request.push('{');
  mock.timers.tick(59_000);
  request.push('}');
  request.push(null);

  t.match(await reading, { kind: 'buffered', bytes: Buffer.from('{}') });
});

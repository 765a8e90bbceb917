// The end of an answer on its way to an agent that has stopped reading: nothing more will be written that this could show in.

import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { mock } from 'node:test';
import { type Test, test } from 'tap';
import { beginAnswer, openDownstream, releaseAnswer, writeAnswer } from '../../src/forwarding/downstream.ts';
import { lookFor } from '../../src/forwarding/guard.ts';
import { armedCall, unobserved } from '../support/forwarding-gate.ts';

const idleMs = 300_000;

/** An answer of a few bytes to an agent whose system takes what is written, or takes nothing. */
async function answered(t: Test, agentReads: boolean) {
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const request = new IncomingMessage(new Socket());
  const response = new ServerResponse(request);
  const agent = new Duplex({ read() {}, write: (_piece, _encoding, done) => void (agentReads && done()) });
  // What it is given stands in for a socket: only what every stream has is used of it.
  response.assignSocket(agent as Socket);
  let stalls = 0;
  const call = armedCall(
    { kind: 'http', request, response },
    { kind: 'none' },
    { origin: 'http://upstream' },
    unobserved,
  );
  const down = openDownstream({
    ...{ response, observation: unobserved.attemptStarted(call, 0), idleMs, drained: () => {} },
    stalled: () => {
      stalls += 1;
    },
  });
  const head = { lines: ['content-length', '2'], length: 2, upstreamRequestId: undefined, guarded: false };
  beginAnswer(down, 200, head, lookFor([]), false);
  writeAnswer(down, Buffer.from('ok'));
  await new Promise((resolve) => setImmediate(resolve));
  return { down, stalls: () => stalls };
}

test('an agent that reads none of it is cut after the idle time', async (t) => {
  const { stalls } = await answered(t, false);

  mock.timers.tick(idleMs - 1);
  t.equal(stalls(), 0);
  mock.timers.tick(1);
  t.equal(stalls(), 1);
});

test('one that reads it is not waited for', async (t) => {
  const { stalls } = await answered(t, true);

  mock.timers.tick(idleMs);
  t.equal(stalls(), 0);
});

test('nor one whose call is over', async (t) => {
  const { down, stalls } = await answered(t, false);

  releaseAnswer(down);
  mock.timers.tick(idleMs);
  t.equal(stalls(), 0);
});

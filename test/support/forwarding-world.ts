// A gate and its upstream, both torn down with the test, and what is needed to talk through them event by event.

import { once } from 'node:events';
import type { ClientRequest, IncomingMessage, RequestListener } from 'node:http';
import type { Test } from 'tap';
import { type GateOptions, startGate, type TestGate } from './forwarding-gate.ts';
import { startUpstream, type TestUpstream } from './forwarding-upstream.ts';

export interface ForwardingWorld {
  readonly upstream: TestUpstream;
  readonly gate: TestGate;
}

/** @param upstream what the upstream answers, or an upstream already started */
export async function forwardingWorld(
  t: Test,
  upstream: RequestListener | TestUpstream,
  options: Partial<GateOptions> = {},
): Promise<ForwardingWorld> {
  const started = typeof upstream === 'function' ? await startUpstream(upstream) : upstream;
  const gate = await startGate({ origin: started.origin, ...options });
  t.teardown(async () => {
    await gate.close();
    await started.close();
  });
  return { upstream: started, gate };
}

export async function answerTo(request: ClientRequest): Promise<IncomingMessage> {
  const [answer] = await once(request, 'response');
  return answer;
}

/** Turns of the event loop until something holds; fails when it does not after very many. */
export async function until(holds: () => boolean): Promise<void> {
  for (let turns = 0; turns < 200_000; turns += 1) {
    if (holds()) return;
    await new Promise(setImmediate);
  }
  throw new Error(`never came to hold: ${holds}`);
}

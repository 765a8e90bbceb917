// Real SDKs against the routing stage, each pointed at it as its preset tells: what they ask is recognised, what they took for a
// key is taken out, and every header they send is either forwarded, or one of those that must not pass.

import { test } from 'tap';
import type { RoutedCall } from '../../src/call.ts';
import { admits } from '../../src/routing/header-rules.ts';
import { compile, type Gate, type RouteInput, routed, startGate } from './routing-world.ts';

export interface Story {
  readonly route: RouteInput;
  /** @param gate URL of the listener, without "/" at its end. */
  readonly ask: (gate: string) => Promise<unknown>;
  readonly expect: Partial<RoutedCall['facts']>;
}

/** Written anew or left out by the gate on purpose: framing and handshakes, and what fetch adds for browsers. */
const notForwarded = new Set([
  ...['content-length', 'accept-encoding', 'accept-language', 'sec-fetch-mode', 'mcp-session-id'],
  ...['cache-control', 'pragma'],
]);

/** One test per story; the first request of each SDK counts. */
export function tell(stories: Readonly<Record<string, Story>>): void {
  for (const [name, { route, ask, expect }] of Object.entries(stories)) {
    test(name, async (t) => {
      const gate = await startGate(t, [route]);
      const call = await firstCall(gate, ask);
      t.hasStrict(call.facts, expect);
      t.ok(call.presented.length > 0, 'what the SDK took for a key was taken out');

      const rules = compile([route]).catalogue.routes[0]?.spec.headers.forward ?? [];
      const sent = call.headers.filter((_, index) => index % 2 === 0).map((each) => each.toLowerCase());
      const lost = sent.filter(
        (each) => !admits(rules, each) && !notForwarded.has(each) && !each.startsWith('sec-websocket-'),
      );
      t.strictSame(lost, [], 'no header of the SDK is lost');
    });
  }
}

/** What the first request of an SDK became; the SDK's own failure over the empty answer is none of ours. */
async function firstCall(gate: Gate, ask: Story['ask']): Promise<RoutedCall> {
  const outcome = gate.next();
  const asked = ask(`http://127.0.0.1:${gate.port}`).catch(() => {});
  const call = routed(await outcome);
  await asked;
  return call;
}

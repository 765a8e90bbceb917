// Every kind of refusal once, at one gate: what the agent is told when its token is bad, when policy says no, when the vendor has
// had enough, and when there is no credential to be had. The caller says which error its SDK should have made of each.

import type { Test } from 'tap';
import { rejection } from './rejection.ts';
import type { VendorGate } from './vendors-gate.ts';

export interface Refusals {
  /** Asks what policy allows, with this key in the SDK's slot. */
  readonly ask: (apiKey: string, headers: Record<string, string>) => Promise<unknown>;
  /** Asks what policy does not allow. */
  readonly askDenied: (apiKey: string, headers: Record<string, string>) => Promise<unknown>;
  /** The vendor's own answer to one who asks too much. */
  readonly tooMany: unknown;
  /** Class of the SDK's error, and more that is true of it, by status. */
  readonly expect: (status: 401 | 403 | 429 | 503) => readonly [kind: new (...given: never[]) => Error, object];
}

export async function tellRefusals(t: Test, gate: VendorGate, refusals: Refusals): Promise<void> {
  async function refused(status: 401 | 403 | 429 | 503, ask: Refusals['ask'], apiKey?: string): Promise<void> {
    const { apiKey: own, headers } = await gate.credentials();
    const error = await rejection(ask(apiKey ?? own, headers));
    const [kind, more] = refusals.expect(status);
    t.ok(error instanceof kind, `${status} is ${kind.name}, and was ${error.constructor.name}: ${error.message}`);
    t.match(error, more);
  }

  const before = gate.upstream.received.length;
  await refused(401, refusals.ask, 'sk-an-old-key-of-the-vendor');
  await refused(403, refusals.askDenied);
  t.equal(gate.upstream.received.length, before, 'the vendor has not heard of either');
  gate.refuseWith(429, refusals.tooMany);
  await refused(429, refusals.ask);
  t.equal(gate.upstream.received.length, before + 1);
  if (gate.arm.kind !== 'none') {
    gate.arm.down();
    await refused(503, refusals.ask);
  }
  t.equal(gate.upstream.received.length, before + 1, 'without a credential nothing is sent');
  t.strictSame(gate.faults, []);
}

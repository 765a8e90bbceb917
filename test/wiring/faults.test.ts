// A fault of the gate's own: the call is refused as any other, and the operator is told where to look, never what was in it.

import { test } from 'tap';
import { asRefusal, Refusal } from '../../src/base/errors.ts';
import type { Arrival } from '../../src/call.ts';
import { tellFaults } from '../../src/wiring/faults.ts';
import { stripped } from '../support/identity-world.ts';
import { recordingLog } from '../support/log.ts';

const arrival: Arrival = stripped([]);

test('the place is told, the message is not', (t) => {
  const log = recordingLog();
  const refused: Refusal[] = [];
  const refuse = tellFaults((_reached, refusal) => refused.push(refusal), log);
  refuse(arrival, asRefusal(new TypeError('cannot read canary-1\n    at canary-2 of eyJhbGciOi')));
  t.match(log.lines, [
    { level: 'error', facts: { request: arrival.id, what: 'TypeError' }, message: /failed on a call/ },
  ]);
  const told = JSON.stringify(log.lines);
  t.match(told, /faults\.test\.ts:\d+:\d+/);
  t.notMatch(told, /canary|eyJ/);
  t.equal(refused.length, 1);
  t.end();
});

test('a cause that is no error is a fault without a place', (t) => {
  const log = recordingLog();
  tellFaults(() => {}, log)(arrival, asRefusal('thrown text canary'));
  t.match(log.lines, [{ facts: { what: 'string', at: [] } }]);
  t.notMatch(JSON.stringify(log.lines), /canary/);
  t.end();
});

test('refusals that are decisions are not told: the audit has them', (t) => {
  const log = recordingLog();
  tellFaults(() => {}, log)(arrival, new Refusal('policy_denied'));
  t.strictSame(log.lines, []);
  t.end();
});

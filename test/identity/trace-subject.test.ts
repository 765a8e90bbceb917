// The subject of a trace: who called in under it, for as long as that is certain.

import { test } from 'tap';
import { createTraceSubjects } from '../../src/identity/trace-subject.ts';
import { unverified } from '../support/exchange-call.ts';
import { start } from '../support/identity-issuer.ts';
import { clockAt, reasonOf } from '../support/identity-world.ts';

const trace = '0af7651916cd43dd8448eb211c80319c';
const grace = 5_000;

function tracesHere() {
  const clock = clockAt(start);
  const traces = createTraceSubjects(clock);
  const subject = () => reasonOf(() => traces.find(trace));
  return { clock, traces, subject, alice: unverified('alice'), bob: unverified('bob') };
}

test('known while the call is under way, and a moment longer', async (t) => {
  const { clock, traces, subject, alice } = tracesHere();
  t.equal(await subject(), 'trace_subject_unknown');
  const ended = traces.begin(trace, alice, grace);
  clock.advance(7_200);
  t.equal(traces.find(trace), alice, 'a stream may take hours');
  ended();
  clock.advance(4);
  t.equal(traces.find(trace), alice);
  clock.advance(1);
  t.equal(await subject(), 'trace_subject_unknown');
  t.equal(await reasonOf(() => traces.find('')), 'trace_subject_unknown');
});

test('two calls of one subject are one, until the last has ended', async (t) => {
  const { clock, traces, subject, alice } = tracesHere();
  const [first, second] = [traces.begin(trace, alice, grace), traces.begin(trace, unverified('alice'), grace)];
  first();
  clock.advance(60);
  t.equal(traces.find(trace), alice);
  second();
  clock.advance(5);
  t.equal(await subject(), 'trace_subject_unknown');
});

test('two subjects under one trace: nobody, and it stays so', async (t) => {
  const { clock, traces, subject, alice, bob } = tracesHere();
  const first = traces.begin(trace, alice, grace);
  const second = traces.begin(trace, bob, grace);
  t.equal(await subject(), 'trace_subject_ambiguous');
  second();
  clock.advance(60);
  t.equal(await subject(), 'trace_subject_ambiguous', 'the agent may still work for either');
  first();
  clock.advance(6);
  t.equal(await subject(), 'trace_subject_unknown');
});

test("a trace reused for another subject during the grace is nobody's", async (t) => {
  const { clock, traces, subject, alice, bob } = tracesHere();
  traces.begin(trace, alice, grace)();
  clock.advance(4);
  traces.begin(trace, bob, grace);
  t.equal(await subject(), 'trace_subject_ambiguous');
});

test('other rights of the same user are another subject', async (t) => {
  const { traces, subject, alice } = tracesHere();
  traces.begin(trace, { ...alice, scopes: ['read'] }, grace);
  traces.begin(trace, { ...alice, scopes: ['read', 'write'] }, grace);
  t.equal(await subject(), 'trace_subject_ambiguous');
});

test('revocation forgets the calls of a party at once', async (t) => {
  const { traces, subject, alice } = tracesHere();
  traces.begin(trace, alice, grace);
  t.equal(traces.revoke({ iss: undefined, sub: 'bob' }), 0);
  t.equal(traces.revoke({ iss: undefined, sub: 'alice' }), 1);
  t.equal(await subject(), 'trace_subject_unknown');
});

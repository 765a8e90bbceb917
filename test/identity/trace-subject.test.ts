// The subject of an inbound call, found again by the proof the agent was given for it, for as long as it counts.

import { test } from 'tap';
import { createTraceSubjects, readProof } from '../../src/identity/trace-subject.ts';
import { unverified } from '../support/exchange-call.ts';
import { start } from '../support/identity-issuer.ts';
import { clockAt, reasonOf } from '../support/identity-world.ts';

const trace = '0af7651916cd43dd8448eb211c80319c';
const grace = 5_000;
const nonce = 'A'.repeat(22);

function tracesHere() {
  const clock = clockAt(start);
  const traces = createTraceSubjects(clock);
  const begin = (name: string) => {
    const { tracestate, ended } = traces.begin(trace, unverified(name), grace);
    const proof = readProof(['TraceState', `vendor=1, ${tracestate.reveal()}`]);
    const subject = async () => {
      const reason = await reasonOf(() => traces.find(trace, proof));
      return reason === 'not refused' ? traces.find(trace, proof).principal.sub : reason;
    };
    return { tracestate, proof, subject, ended };
  };
  return { clock, traces, begin };
}

test('known while the call is under way, and a moment longer', async (t) => {
  const { clock, begin } = tracesHere();
  const { subject, ended } = begin('alice');
  clock.advance(7_200);
  t.equal(await subject(), 'alice', 'a stream may take hours');
  ended();
  clock.advance(4);
  t.equal(await subject(), 'alice');
  clock.advance(1);
  t.equal(await subject(), 'trace_subject_unknown');
});

test('the trace without its proof is nothing, and the proof without its trace neither', async (t) => {
  const { traces, begin } = tracesHere();
  const { proof } = begin('alice');
  const forged = readProof(['tracestate', `postern=${nonce}`]);
  t.equal(await reasonOf(() => traces.find(trace, [])), 'trace_subject_unknown');
  t.equal(await reasonOf(() => traces.find(trace, forged)), 'trace_subject_unknown');
  t.equal(await reasonOf(() => traces.find('', proof)), 'trace_subject_unknown');
  t.equal(await reasonOf(() => traces.find(trace.replace('0', '1'), proof)), 'trace_subject_unknown');
});

test('calls in one trace have a proof each, and end each for itself', async (t) => {
  const { clock, traces, begin } = tracesHere();
  const [alice, bob] = [begin('alice'), begin('bob')];
  t.equal(await alice.subject(), 'alice');
  t.equal(await bob.subject(), 'bob');
  t.equal(await reasonOf(() => traces.find(trace, [...alice.proof, ...bob.proof])), 'trace_subject_ambiguous');
  alice.ended();
  clock.advance(5);
  t.equal(await alice.subject(), 'trace_subject_unknown');
  t.equal(await bob.subject(), 'bob');
});

test('revocation forgets the calls of a party at once', async (t) => {
  const { traces, begin } = tracesHere();
  const { subject } = begin('alice');
  t.equal(traces.revoke({ iss: undefined, sub: 'bob' }), 0);
  t.equal(traces.revoke({ iss: undefined, sub: 'alice' }), 1);
  t.equal(await subject(), 'trace_subject_unknown');
});

test('a proof is 128 bits, in a value that any trace context library hands on, and cannot be printed', (t) => {
  const { begin } = tracesHere();
  const { tracestate } = begin('alice');
  t.match(tracestate.reveal(), /^postern=[\w-]{22}$/);
  t.notMatch(JSON.stringify({ tracestate }), tracestate.reveal().slice(8));
  t.end();
});

test('a proof is read from the one tracestate header alone', (t) => {
  const read = (...lines: string[]) => readProof(lines).map((proof) => proof.reveal());
  t.strictSame(read('tracestate', `a=1,\tpostern=${nonce} ,b=2`), [nonce]);
  const broken: Record<string, string[]> = {
    'no header': ['traceparent', `postern=${nonce}`],
    'two headers': ['tracestate', `postern=${nonce}`, 'TRACESTATE', 'a=1'],
    'another key': ['tracestate', `xpostern=${nonce},postern@x=${nonce},Postern=${nonce}`],
    'too short': ['tracestate', `postern=${nonce.slice(1)}`],
    'too long': ['tracestate', `postern=${nonce}A`],
    'one of two broken': ['tracestate', `postern=${nonce},postern=`],
    'a header without end': ['tracestate', `postern=${nonce},${'a=1,'.repeat(600)}`],
  };
  for (const [story, lines] of Object.entries(broken)) t.strictSame(read(...lines), [], story);
  t.strictSame(read('tracestate', `postern=${nonce},postern=${nonce}`).length, 2);
  t.end();
});

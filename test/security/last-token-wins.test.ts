// Attack: two users call one agent at the same time. A sidecar that joins what goes out with "the last token that came in"
// (kagenti-extensions#425) gives the call made for the one the rights of the other. However inbound calls, ends and outbound
// calls interleave, a handle and a trace must mean who they were given for, or nobody.

import fc from 'fast-check';
import { test } from 'tap';
import { createHandles } from '../../src/identity/handle.ts';
import { createTraceSubjects, readProof } from '../../src/identity/trace-subject.ts';
import { unverified } from '../support/exchange-call.ts';
import { start } from '../support/identity-issuer.ts';
import { clockAt, reasonOf } from '../support/identity-world.ts';

const users = ['alice', 'bob', 'carol'] as const;

const step = fc.oneof(
  fc.record({
    kind: fc.constant('in' as const),
    user: fc.constantFrom(...users),
    session: fc.constantFrom(undefined, 's'),
  }),
  fc.record({ kind: fc.constant('end' as const), which: fc.nat(20) }),
  fc.record({ kind: fc.constant('wait' as const), seconds: fc.nat(40) }),
);

test('handles mean who they were given for, whatever came in since', (t) => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const clock = clockAt(start);
      const handles = createHandles(clock);
      const given: { user: string; handle: ReturnType<typeof handles.hold>['handle'] }[] = [];
      for (const one of steps) {
        if (one.kind === 'wait') clock.advance(one.seconds);
        if (one.kind !== 'in') continue;
        const token = { ...unverified(one.user), expiresAt: Math.floor(clock.now() / 1_000) + 60 };
        const { handle } = handles.hold(token, { ttlMs: 45_000, session: one.session });
        given.push({ user: one.user, handle });
      }
      return given.every(({ user, handle }) => {
        try {
          return handles.redeem(handle).principal.sub === user;
        } catch {
          return true; // refused is never somebody else's
        }
      });
    }),
    { seed: 1, numRuns: 200 },
  );
  t.end();
});

test('a proof means the call it was made for, even where all calls are in one trace', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const clock = clockAt(start);
      const traces = createTraceSubjects(clock);
      const live: { user: string; proof: ReturnType<typeof readProof>; ended: () => void }[] = [];
      for (const one of steps) {
        if (one.kind === 'wait') clock.advance(one.seconds);
        if (one.kind === 'in') {
          const { tracestate, ended } = traces.begin('t', unverified(one.user), 5_000);
          live.push({ user: one.user, proof: readProof(['tracestate', tracestate.reveal()]), ended });
        }
        if (one.kind === 'end') live.splice(one.which % Math.max(1, live.length), 1)[0]?.ended();
        if (!live.every(({ user, proof }) => traces.find('t', proof).principal.sub === user)) return false;
        if (
          live.length > 1 &&
          (await reasonOf(() =>
            traces.find(
              't',
              live.flatMap(({ proof }) => proof),
            ),
          )) !== 'trace_subject_ambiguous'
        )
          return false;
      }
      return true;
    }),
    { seed: 1, numRuns: 200 },
  );
});

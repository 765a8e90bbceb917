// Who is calling when the agent holds nothing: it names the call that came in by handle, or by the trace it continues.

import { test } from 'tap';
import type { StrippedCall } from '../../src/call.ts';
import { createStrip } from '../../src/identity/strip.ts';
import { readTraceparent } from '../../src/telemetry/trace-context.ts';
import { startSeconds } from '../support/identity-issuer.ts';
import {
  agentSub,
  arrive,
  identityWorld,
  presenting,
  reasonOf,
  sidecarWorld,
  stripped,
  type World,
  type WorldChanges,
} from '../support/identity-world.ts';

const traceId = '0af7651916cd43dd8448eb211c80319c';
const traceparent = ['traceparent', `00-${traceId}-b7ad6b7169203331-01`];

/** As the composition root wires it, for a gate whose every route takes its subject from the trace. */
const byTrace: WorldChanges = {
  inbound: { subjectTrace: (call: StrippedCall) => readTraceparent(call.rawHeaders)?.traceId ?? '' },
};

/** What the agent is given for a call that comes in with this token. */
async function given({ identity, custody }: World, token: string): Promise<string> {
  const { subjectToken } = await identity.receive(presenting(token));
  return custody.handles.hold(subjectToken, { ttlMs: 3_600_000 }).handle.reveal();
}

/** The trace context the agent is given for a call that comes in with this token. */
async function calledBy(world: World, token: string, trace = traceId) {
  const { subjectToken } = await world.identity.receive(presenting(token));
  const { tracestate, ended } = world.custody.traces.begin(trace, subjectToken, 5_000);
  return { context: [...traceparent, 'tracestate', tracestate.reveal()], ended };
}

test('a handle stands for its subject in any slot an SDK may use', async (t) => {
  const world = await sidecarWorld(t);
  const handle = await given(world, await world.issuer.mint({ jti: 'alice-1' }));
  const calls = {
    bearer: stripped(['Authorization', `Bearer ${handle}`]),
    subject: presenting(undefined, handle),
    both: presenting(handle, handle),
    'beside a placeholder': presenting('placeholder', handle),
    anthropic: stripped(['x-api-key', handle]),
    gemini: stripped(['x-goog-api-key', handle]),
    query: stripped([], `/gemini/v1/models?key=${handle}`),
    'an API nobody listed': stripped(['x-vault-token', handle]),
    basic: stripped(['Authorization', `Basic ${btoa(`user:${handle}`)}`]),
    'a parameter nobody listed': stripped([], `/?apiKeyForFoo=${handle}`),
    realtime: stripped(['Sec-WebSocket-Protocol', `realtime, openai-insecure-api-key.${handle}`]),
  };
  for (const [story, call] of Object.entries(calls)) {
    const known = await world.identity.identify(call);
    t.match(
      known,
      { binding: 'handle', caller: { sub: agentSub }, subject: { sub: 'alice' }, actorToken: { jti: 'own' } },
      story,
    );
    t.match(known.chain.actors, [{ sub: agentSub }], story);
    t.notMatch(JSON.stringify([known.headers, known.path, known.subprotocols]), handle, `${story}: nothing left of it`);
  }
});

test('the chain of the token is carried on, with the agent outermost', async (t) => {
  const world = await sidecarWorld(t);
  const act = { sub: 'spiffe://corp/planner', iss: world.issuer.url };
  const handle = await given(world, await world.issuer.mint({ act }));
  const { chain, subjectToken } = await world.identity.identify(presenting(handle));
  t.match(chain.actors, [{ sub: agentSub }, { sub: 'spiffe://corp/planner' }]);
  t.match(chain.prior, [{ sub: 'spiffe://corp/planner' }]);
  t.match(subjectToken.actors, [{ sub: 'spiffe://corp/planner' }]);
});

test('each handle is its own call, however many are under way', async (t) => {
  const world = await sidecarWorld(t);
  const names = ['alice', 'bob', 'carol'];
  const handles = new Map<string, string>();
  for (const sub of names) handles.set(sub, await given(world, await world.issuer.mint({ sub })));
  for (const sub of names.toReversed()) {
    t.match(await world.identity.identify(presenting(handles.get(sub))), { subject: { sub } });
  }
});

test('a token whose may_act names another agent may be received and not used', async (t) => {
  const world = await sidecarWorld(t);
  const handle = await given(world, await world.issuer.mint({ may_act: { sub: 'spiffe://corp/other' } }));
  t.equal(await reasonOf(world.identity.identify(presenting(handle))), 'may_act_mismatch');
});

test('a workload that calls for itself is the subject, and the agent acts for it', async (t) => {
  const world = await sidecarWorld(t);
  const handle = await given(world, await world.issuer.mint({ sub: 'spiffe://corp/nightly' }));
  const known = await world.identity.identify(presenting(handle));
  t.match(known, { binding: 'handle', caller: { sub: agentSub }, subject: { sub: 'spiffe://corp/nightly' } });
});

test('two different subjects are nobody', async (t) => {
  const world = await sidecarWorld(t);
  const [alice, bob] = [await world.issuer.mint(), await world.issuer.mint({ sub: 'bob' })];
  const [one, other] = [await given(world, alice), await given(world, bob)];
  for (const call of [presenting(one, other), presenting(one, bob), presenting(bob, one)]) {
    t.match(await reasonOf(world.identity.identify(call)), /token_ambiguous|actor_not_bound/);
  }
});

test('a handle that fails is never a placeholder', async (t) => {
  const world = await sidecarWorld(t);
  const handle = await given(world, await world.issuer.mint({ exp: startSeconds + 60 }));
  t.equal(await reasonOf(world.identity.identify(presenting(handle.slice(0, -1)))), 'handle_unknown');
  t.equal(await reasonOf(world.identity.identify(presenting(handle.toUpperCase()))), 'handle_unknown');
  world.clock.advance(61);
  t.equal(await reasonOf(world.identity.identify(presenting(handle))), 'handle_expired');
});

test('without a way in there are no handles, and in a shared gate none either', async (t) => {
  const handle = `psh_${'A'.repeat(43)}`;
  const shared = await identityWorld(t);
  t.equal(await reasonOf(shared.identity.identify(presenting(handle))), 'handle_unknown');
  const own = await shared.issuer.mint({ sub: agentSub });
  t.equal(await reasonOf(shared.identity.identify(presenting(own, handle))), 'handle_unknown');

  const sidecar = await identityWorld(t, {
    issuer: shared.issuer,
    identity: { mode: 'sidecar', token_file: '/token' },
    readFile: async () => own,
  });
  t.equal(await reasonOf(sidecar.identity.identify(presenting(handle))), 'handle_unknown');
});

test('a held token is verified anew each time: keys that were withdrawn end it', async (t) => {
  const world = await sidecarWorld(t);
  const handle = await given(world, await world.issuer.mint({ exp: startSeconds + 7_200 }));
  t.equal(await reasonOf(world.identity.identify(presenting(handle))), 'not refused');
  world.issuer.rotate();
  world.clock.advance(3_599);
  t.equal(await reasonOf(world.identity.identify(presenting(handle))), 'token_key_unknown');
});

test('with nothing but trace context, the call acts for who called in under it', async (t) => {
  const world = await sidecarWorld(t, byTrace);
  const { context, ended } = await calledBy(world, await world.issuer.mint());
  for (const call of [stripped(context), stripped([...context, 'x-api-key', 'placeholder'])]) {
    const known = await world.identity.identify(call);
    t.match(known, { binding: 'trace', caller: { sub: agentSub }, subject: { sub: 'alice' } });
  }
  t.equal(await reasonOf(world.identity.identify(stripped(traceparent))), 'trace_subject_unknown', 'no proof');
  ended();
  world.clock.advance(4);
  t.equal(await reasonOf(world.identity.identify(stripped(context))), 'not refused');
  world.clock.advance(1);
  t.equal(await reasonOf(world.identity.identify(stripped(context))), 'trace_subject_unknown');
});

test('what is presented comes before the trace', async (t) => {
  const world = await sidecarWorld(t, byTrace);
  const { context } = await calledBy(world, await world.issuer.mint());
  const handle = await given(world, await world.issuer.mint({ sub: 'bob' }));
  const call = stripped([...context, 'Authorization', `Bearer ${handle}`]);
  t.match(await world.identity.identify(call), { binding: 'handle', subject: { sub: 'bob' } });
  const own = stripped([...context, 'Authorization', `Bearer ${await world.issuer.mint({ sub: agentSub })}`]);
  t.match(await world.identity.identify(own), { binding: 'self' }, 'its own token says that it acts for itself');
});

test('a route that does not ask for it is not affected by any trace', async (t) => {
  const world = await sidecarWorld(t, { inbound: { subjectTrace: () => undefined } });
  const { context } = await calledBy(world, await world.issuer.mint());
  t.match(await world.identity.identify(stripped(context)), { binding: 'self', caller: { sub: agentSub } });
});

test("a call known by certificate is the agent's only if the certificate is", async (t) => {
  const world = await sidecarWorld(t);
  const handle = await given(world, await world.issuer.mint());
  const strip = createStrip();
  const from = (spiffeId: string) => strip(arrive(['Authorization', `Bearer ${handle}`], '/', spiffeId));
  t.equal(await reasonOf(world.identity.identify(from('spiffe://corp/ns/other'))), 'actor_not_bound');
  t.equal(await reasonOf(world.identity.identify(from(agentSub))), 'not refused');
});

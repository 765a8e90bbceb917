// Attack: a handle taken from an agent (its memory, its logs, a prompt that made it talk) and used elsewhere: at another gate, by
// another workload, as a token for the agent itself, as a token for an upstream. It must open nothing but the one gate, for the
// one agent.

import { test } from 'tap';
import { createStrip } from '../../src/identity/strip.ts';
import { told } from '../support/e2e-world.ts';
import { agentSub, arrive, presenting, reasonOf, sidecarWorld, type World } from '../support/identity-world.ts';
import { startInboundWorld } from '../support/inbound-world.ts';

async function stolenFrom({ identity, custody, issuer }: World): Promise<string> {
  const { subjectToken } = await identity.receive(presenting(await issuer.mint()));
  return custody.handles.hold(subjectToken, { ttlMs: 3_600_000 }).handle.reveal();
}

test('another process knows nothing of it, even one with the same configuration and identity', async (t) => {
  const victim = await sidecarWorld(t);
  const stolen = await stolenFrom(victim);
  const other = await sidecarWorld(t, { issuer: victim.issuer });
  await stolenFrom(other);
  t.equal(await reasonOf(other.identity.identify(presenting(stolen))), 'handle_unknown');
  t.equal(await reasonOf(victim.identity.identify(presenting(stolen))), 'not refused', 'the story is right');
});

test('another workload at the same gate does not act with it', async (t) => {
  const world = await sidecarWorld(t);
  const stolen = await stolenFrom(world);
  const thief = await world.issuer.mint({ sub: 'spiffe://corp/ns/other/sa/thief' });
  t.equal(await reasonOf(world.identity.identify(presenting(thief, stolen))), 'actor_not_bound');
  const swapped = createStrip()(arrive(['x-api-key', stolen, 'authorization', `Bearer ${thief}`]));
  t.equal(await reasonOf(world.identity.identify(swapped)), 'actor_not_bound');
  const byCertificate = createStrip()(arrive(['x-api-key', stolen], '/', 'spiffe://corp/ns/other/sa/thief'));
  t.equal(await reasonOf(world.identity.identify(byCertificate)), 'actor_not_bound');
  const agent = await world.issuer.mint({ sub: agentSub });
  t.equal(await reasonOf(world.identity.identify(presenting(agent, stolen))), 'not refused');
});

test('it is no token: neither the agent nor an upstream nor the issuer takes it for one', async (t) => {
  const world = await startInboundWorld(t);
  await world.callAgent();
  const stolen = world.agentBehind.received[0]?.handle ?? '';
  t.match(stolen, /^psh_/);
  t.strictSame(
    told(await world.callAgent({ token: stolen })),
    [401, 'credential_invalid'],
    'back at the inbound listener',
  );
  const exchanged = await fetch(world.issuer.tokenEndpoint, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: stolen,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      audience: 'api',
    }),
  });
  t.ok(exchanged.status >= 400);
  t.equal(world.agentBehind.received.length, 1);
});

test('guessing is hopeless, and a near miss is a miss', async (t) => {
  const world = await sidecarWorld(t);
  const stolen = await stolenFrom(world);
  const flipped = stolen.slice(0, -2) + (stolen.at(-2) === 'A' ? 'B' : 'A') + stolen.slice(-1);
  for (const guess of [
    flipped,
    stolen.slice(0, -1),
    `${stolen}A`,
    stolen.toLowerCase(),
    'psh_',
    `psh_${'0'.repeat(43)}`,
  ]) {
    t.equal(await reasonOf(world.identity.identify(presenting(guess))), 'handle_unknown', guess.slice(0, 8));
  }
});

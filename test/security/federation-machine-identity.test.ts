// Attack: to get the gate's own rights by leaving out the user, or a user's by breaking the gate's identity. An exchange in the
// gate's own name never takes the token of a call, an exchange for a subject never takes the gate's, whatever fails
// (agentgateway#2260, mcp-gateway-registry#1269). Held by one source per exchange, chosen in the configuration.

import { test } from 'tap';
import { openai, startFederation } from '../support/exchange-federation.ts';
import { refusal } from '../support/exchange-world.ts';

async function start(t: Parameters<typeof startFederation>[0]) {
  const federation = await startFederation(t, openai);
  const { world, entry } = federation;
  const own = (await world.issuer.mint('postern', { audience: openai.audience, kind: 'workload' })).token.reveal();
  const file = `${t.testdir({ token: own })}/token`;
  const gate = (sources: Record<string, unknown>) =>
    world.gate({
      exchanges: { corp: entry(), machine: entry({ subject_source: 'own' }) },
      sources,
      routes: [{ audience: undefined }, { id: 'machine', exchange: 'machine', audience: undefined }],
    });
  return { ...federation, gate, file, own };
}

test('each exchange sends the token of its own kind, in one gate and for the same caller', async (t) => {
  const { gate, call, vendor, alice, own, file } = await start(t);
  const { broker } = gate({ own: { source: 'file', file } });
  const one = await broker.arm(call());
  const two = await broker.arm(call({ route: 'machine' }));
  t.strictSame(
    vendor.received.map(({ body }) => body?.['subject_token']),
    [alice.token.reveal(), own],
  );
  t.not(one.credential.secret, two.credential.secret);
  t.equal(one.credential.facts.kind, 'exchanged');
  t.equal(two.credential.facts.kind, 'client_credentials');
});

test('the gate’s identity is gone: no call’s token takes its place', async (t) => {
  const { gate, call, vendor } = await start(t);
  const { broker } = gate({ own: { source: 'file', file: '/nowhere' } });
  t.equal((await refusal(broker.arm(call({ route: 'machine' })))).reason, 'secret_unavailable');
  t.equal(vendor.received.length, 0);
});

test('the vendor refuses a user: the gate’s own token is not tried', async (t) => {
  const { gate, call, vendor, file, world } = await start(t);
  const { broker } = gate({ own: { source: 'file', file } });
  const subject = await world.issuer.mint('mallory', { audience: 'https://elsewhere' });
  t.equal((await refusal(broker.arm(call({ subject })))).reason, 'subject_token_rejected');
  t.equal(vendor.received.length, 1);
});

test('a call’s token that happens to read like a promise of the gate is nobody’s key', async (t) => {
  const { gate, call, file, world } = await start(t);
  const { broker } = gate({ own: { source: 'file', file } });
  await broker.arm(call({ route: 'machine' }));
  const plans = [broker.plan(call({ route: 'machine' })), broker.plan(call()), broker.plan(call())];
  t.equal(new Set(plans.map(({ key }) => key)).size, 2);
  const bob = await world.issuer.mint('bob', { audience: openai.audience });
  t.not(broker.plan(call({ subject: bob })).key, plans[1]?.key);
});

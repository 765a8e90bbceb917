// The gate's own identity from the SPIFFE Workload API: a JWT-SVID with the vendor as its audience, for exchanges in the
// gate's own name.

import { decodeJwt } from 'jose';
import { type Test, test } from 'tap';
import { openai, startFederation } from '../../support/exchange-federation.ts';
import { gateSpiffeId, otherSpiffeId } from '../../support/exchange-tls.ts';
import { grpcStatus } from '../../support/exchange-vendors/spiffe.ts';
import { refusal } from '../../support/exchange-world.ts';
import { spiffeWorld } from '../../support/spiffe-world.ts';

const { audience } = openai;

/** A vendor that trusts the issuer of the JWT-SVIDs. */
async function start(t: Test, options: { identities?: readonly string[] } = {}) {
  const federation = await startFederation(t, openai);
  const { world } = federation;
  const spiffe = await spiffeWorld(t, {
    ...options,
    clock: world.clock,
    async mint(sub, [aud = '']) {
      const { token } = await world.issuer.mint(sub, { audience: aud, kind: 'workload', lifetime: 300 });
      return token.reveal();
    },
  });
  const gate = (entry: Record<string, unknown> = {}) =>
    federation.gate(
      { subject_source: 'own' },
      {
        sources: { own: { source: 'spiffe', audience, socket: spiffe.agent.socket, ...entry } },
        routes: [{ audience: undefined }],
        workload: spiffe.apis.open,
      },
    );
  return { ...federation, ...spiffe, gate };
}

test('a JWT-SVID for the vendor is the subject of an exchange in the gate’s own name', async (t) => {
  const { gate, call, vendor, agent } = await start(t);
  const { broker, problems } = gate();
  const { credential } = await broker.arm(call());
  t.strictSame(problems, []);
  t.match(vendor.tokens.of(`Bearer ${credential.secret?.reveal()}`)?.claims, { sub: gateSpiffeId, aud: audience });
  t.match(credential.facts, { kind: 'client_credentials' });
  t.match(agent.calls, [{ request: { audience: [audience] } }]);
});

test('one of several identities', async (t) => {
  const { gate, call, vendor } = await start(t, { identities: [gateSpiffeId, otherSpiffeId] });
  await gate({ spiffe_id: otherSpiffeId }).broker.arm(call());
  t.equal(decodeJwt(String(vendor.received[0]?.body?.['subject_token'])).sub, otherSpiffeId);
});

test('an agent that comes up after the gate is found: readiness tells', async (t) => {
  const { gate, agent, call, clock } = await start(t);
  await agent.stop();
  const { broker, problems } = gate();
  t.strictSame(problems, [], 'nothing is asked at load');
  await broker.warm();
  t.match(broker.status(), [{ ready: false, lastFailure: { reason: 'secret_unavailable' } }]);
  t.match(await refusal(broker.arm(call())), {
    reason: 'secret_unavailable',
    status: 503,
    detail: /subject source own: .*agent\.sock is not there/,
  });
  await agent.start();
  await broker.warm();
  t.match(broker.status(), [{ ready: true }]);
  clock.pass(5);
  t.equal((await broker.arm(call())).cache, 'miss');
});

test('no identity is a fault of the set-up, and no call’s token takes its place', async (t) => {
  const { gate, call, vendor, agent } = await start(t);
  agent.refuse(grpcStatus.permissionDenied);
  t.match(await refusal(gate().broker.arm(call())), { reason: 'secret_unavailable', detail: /register an entry/ });
  t.equal(vendor.received.length, 0);
});

test('a source without a socket is reported', async (t) => {
  const { gate, call } = await start(t);
  const { problems, broker } = gate({ socket: undefined });
  t.match(problems, [{ path: ['subject_sources', 'own', 'socket'], what: 'names no socket' }]);
  await broker.arm(call()).catch(() => undefined);
});

// The sidecar's own identity as a JWT-SVID of the SPIFFE Workload API: verified like every token, renewed before it ends, and
// given up when it is taken back.

import { join } from 'node:path';
import { type Test, test } from 'tap';
import { createWorkloadApis, type OpenWorkloadApi } from '../../src/base/spiffe/workload-api.ts';
import { identitySchema } from '../../src/identity/schema.ts';
import { grpcStatus, type SpiffeAgent, startSpiffeAgent } from '../support/exchange-vendors/spiffe.ts';
import { startIssuer, startSeconds } from '../support/identity-issuer.ts';
import { agentSub, identityWorld, presenting, reasonOf } from '../support/identity-world.ts';
import { silentLog } from '../support/log.ts';
import { socketFolder } from '../support/socket-folder.ts';
import { heldTimers } from '../support/timers.ts';

const call = () => presenting(undefined);

/** SPIRE with `jwt_issuer` set: its JWT-SVIDs say which issuer they are of. */
async function world(t: Test, changes: { spiffe?: object; trust?: object } = {}) {
  const issuer = await startIssuer(t);
  let passed = 0;
  const seconds = () => startSeconds + passed;
  const agent: SpiffeAgent = await startSpiffeAgent({
    path: join(socketFolder(t), 'agent.sock'),
    identities: [agentSub],
    mint: (sub, [aud]) => issuer.mint({ sub, aud, iat: seconds(), exp: seconds() + 300, jti: `svid-${passed}` }),
  });
  t.teardown(() => agent.stop());
  const apis = createWorkloadApis({
    env: {},
    clock: { now: () => seconds() * 1_000 },
    timers: heldTimers(),
    log: silentLog,
  });
  t.teardown(() => apis.close());
  const workload: OpenWorkloadApi = apis.open;
  const made = await identityWorld(t, {
    issuer,
    workload,
    identity: { mode: 'sidecar', spiffe: { audience: 'postern', socket: agent.socket, ...changes.spiffe } },
    ...(changes.trust === undefined ? {} : { trust: () => changes.trust ?? {} }),
  });
  return {
    ...made,
    agent,
    pass(by: number) {
      passed += by;
      made.clock.advance(by);
    },
  };
}

test('the agent beside the gate is who the Workload API says', async (t) => {
  const { identity, agent, pass } = await world(t);
  const known = await identity.identify(call());
  t.match(known.caller, { kind: 'workload', sub: agentSub });
  t.match(agent.calls, [{ request: { audience: ['postern'] } }]);
  pass(149);
  t.equal((await identity.identify(call())).subjectToken.jti, 'svid-0');
  pass(5);
  t.equal((await identity.identify(call())).subjectToken.jti, 'svid-154', 'renewed in the second half of its life');
  t.match(identity.status().at(-1), { trust: 'identity.spiffe', ready: true });
});

test('an agent that is not there yet: not ready, and found once it is', async (t) => {
  const { identity, agent, problems, pass } = await world(t);
  await agent.stop();
  await identity.warm();
  t.strictSame(problems, []);
  t.match(identity.status().at(-1), { trust: 'identity.spiffe', ready: false, lastError: /agent\.sock is not there/ });
  t.equal(await reasonOf(identity.identify(call())), 'own_identity_unavailable');
  await agent.start();
  pass(5);
  t.match(await identity.identify(call()), { caller: { sub: agentSub } });
});

test('an identity that was taken back is given up before it ends', async (t) => {
  const { identity, agent, pass } = await world(t);
  await identity.identify(call());
  agent.refuse(grpcStatus.permissionDenied);
  pass(154);
  t.equal(await reasonOf(identity.identify(call())), 'own_identity_unavailable');
  t.match(identity.status().at(-1), { ready: false, lastError: /no identity for this workload/ });
});

test('while the agent is away the identity holds until its end', async (t) => {
  const { identity, agent, pass } = await world(t);
  await identity.identify(call());
  await agent.stop();
  pass(299);
  t.match(await identity.identify(call()), { caller: { sub: agentSub } });
  pass(1);
  t.equal(await reasonOf(identity.identify(call())), 'own_identity_unavailable');
});

test('problems are told where the configuration names it', async (t) => {
  t.match((await world(t, { trust: { principal: 'user', workload_when: undefined } })).problems, [
    { path: ['identity', 'spiffe'], what: /no trust entry issues workload tokens/ },
  ]);
  t.match((await world(t, { spiffe: { socket: undefined } })).problems, [
    { path: ['identity', 'spiffe', 'socket'], what: 'names no socket' },
  ]);
  const stranger = await world(t, { trust: { issuer: 'https://elsewhere.example', jwks_uri: 'http://127.0.0.1:1/' } });
  await stranger.identity.warm();
  t.match(stranger.problems, [{ path: ['identity', 'spiffe'], what: /issuer that no trust entry names/ }]);
});

test('one source of the own identity, and only beside an agent', (t) => {
  const accepts = (entry: object) => identitySchema.safeParse(entry).success;
  const spiffe = { audience: 'postern' };
  t.ok(accepts({ mode: 'sidecar', spiffe }));
  t.notOk(accepts({ mode: 'sidecar', spiffe, token_file: '/token' }));
  t.notOk(accepts({ mode: 'shared', spiffe }));
  t.notOk(accepts({ mode: 'sidecar' }));
  t.notOk(accepts({ mode: 'sidecar', spiffe: {} }), 'an audience is never guessed');
  t.end();
});

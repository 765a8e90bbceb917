// A whole gate that has nothing but a SPIFFE agent beside it: its own identity and its client authentication come from the
// socket in the environment. It starts without the agent, tells so, and becomes ready once the agent is there.

import { join } from 'node:path';
import { test } from 'tap';
import { compileGate } from '../../src/wiring/gate.ts';
import { createReadiness } from '../../src/wiring/readiness.ts';
import { load } from '../support/config-world.ts';
import { certificateNamed, gateSpiffeId } from '../support/exchange-tls.ts';
import { startSpiffeAgent } from '../support/exchange-vendors/spiffe.ts';
import { startIssuer, startSeconds } from '../support/identity-issuer.ts';
import { silentLog } from '../support/log.ts';
import { socketFolder } from '../support/socket-folder.ts';

test('identity and client authentication over one socket', async (t) => {
  const issuer = await startIssuer(t);
  let seconds = startSeconds;
  const agent = await startSpiffeAgent({
    path: join(socketFolder(t), 'agent.sock'),
    mint: (sub, [aud]) => issuer.mint({ sub, aud, iat: seconds, exp: seconds + 300 }),
  });
  t.teardown(() => agent.stop());
  agent.issue([[gateSpiffeId, certificateNamed('svid-1')]]);
  await agent.stop();
  const loaded = await load(`version: 1
identity: { mode: sidecar, spiffe: { audience: postern } }
trust:
  - { name: corp, issuer: "${issuer.url}", audiences: [postern], principal: workload }
exchanges:
  by-token:
    grant: client_credentials
    issuer: ${issuer.url}
    token_endpoint: ${issuer.url}/token
    client: { auth: spiffe_jwt }
  by-certificate:
    grant: client_credentials
    issuer: ${issuer.url}
    token_endpoint: https://127.0.0.1:1/token
    client: { auth: spiffe_x509 }
routes:
  - { name: api, path: /api, upstream: https://api.example.com, exchange: none, placement: none, allow: [{ id: anyone }] }
`);
  const env = { SPIFFE_ENDPOINT_SOCKET: agent.socket };
  const clock = { now: () => seconds * 1_000 };
  const gate = compileGate(loaded, { clock, log: silentLog, env });
  const readiness = createReadiness(gate, clock);

  t.match(await readiness.check(), {
    ready: false,
    waitingFor: ['trust identity.spiffe', 'exchange by-token', 'exchange by-certificate'],
  });
  await agent.start();
  seconds += 60;
  // The stream of X.509-SVIDs is opened again by a timer; a second gate, as after a reload, asks at once.
  const next = compileGate(loaded, { clock, log: silentLog, env });
  t.match(await createReadiness(next, clock).check(), { ready: true });
  const audiences = agent.calls.flatMap(({ request }) => request.audience ?? []);
  t.strictSame([...new Set(audiences)].sort(), [issuer.url, 'postern'].sort());

  const left = agent.left();
  await Promise.all([gate.closeNow(), next.closeNow()]);
  await left;
});

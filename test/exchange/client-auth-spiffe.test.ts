// Client authentication with identities of the SPIFFE Workload API (draft-ietf-oauth-spiffe-client-auth), at issuers that
// verify them: a JWT-SVID by its signature, its only audience and the assertion type; an X.509-SVID in the TLS handshake.

import { decodeJwt, jwtVerify } from 'jose';
import { type Test, test } from 'tap';
import { startMtlsIssuer } from '../support/exchange-mtls.ts';
import { certificateNamed, gateSpiffeId } from '../support/exchange-tls.ts';
import { begin, grpcStatus, messageOf } from '../support/exchange-vendors/spiffe.ts';
import { member, startVendorServer } from '../support/exchange-vendors/vendor-server.ts';
import { refusal, startWorld } from '../support/exchange-world.ts';
import { jwtSvids, spiffeWorld, trustDomain } from '../support/spiffe-world.ts';

const jwtSpiffe = 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe';

/** An issuer that knows the trust domain and one client of it, and is strict about the assertion. */
async function client(t: Test, changes: Record<string, unknown> = {}) {
  const world = await startWorld(t);
  const domain = await trustDomain(world.clock);
  const spiffe = await spiffeWorld(t, { clock: world.clock, mint: domain.mint });
  const issuer = await startVendorServer(async (request) => {
    if (request.path.startsWith('/.well-known/')) {
      return { status: 200, body: { issuer: issuer.url, token_endpoint: `${issuer.url}/token` } };
    }
    const assertion = member(request, 'client_assertion') ?? '';
    const options = { currentDate: new Date(world.clock.now()), audience: issuer.url, algorithms: ['ES256'] };
    const { payload } = await jwtVerify(assertion, domain.publicKey, options).catch(() => ({ payload: undefined }));
    const isSvid = member(request, 'client_assertion_type') === jwtSpiffe;
    if (!isSvid || payload?.sub !== gateSpiffeId || [payload.aud].flat().length !== 1) {
      return { status: 401, body: { error: 'invalid_client' } };
    }
    const { token } = await world.issuer.mint('postern', { audience: 'https://api.openai.com' });
    return { status: 200, body: { access_token: token.reveal(), token_type: 'Bearer', expires_in: 300 } };
  });
  t.teardown(() => issuer.close());
  const proof = { auth: 'spiffe_jwt', socket: spiffe.agent.socket, ...changes };
  const gate = (more: Record<string, unknown> = {}) => {
    const corp = { grant: 'client_credentials', issuer: issuer.url, client: proof, ...more };
    return world.gate({ exchanges: { corp }, workload: spiffe.apis.open });
  };
  const tokens = () => issuer.received.filter(({ path }) => path === '/token').map(({ body }) => body);
  return { ...world, ...spiffe, gate, issuer, tokens };
}

test('a JWT-SVID whose only audience is the issuer, kept for the exchanges of its first half', async (t) => {
  const { gate, call, issuer, agent, tokens, clock } = await client(t);
  const { broker, problems } = gate();
  t.equal((await broker.arm(call())).cache, 'miss');
  t.strictSame(problems, []);
  const [sent] = tokens();
  t.match(sent, { client_assertion_type: jwtSpiffe });
  t.match(decodeJwt(String(sent?.['client_assertion'])), { sub: gateSpiffeId, aud: [issuer.url] });
  t.notOk(sent !== undefined && 'client_id' in sent, 'the SPIFFE ID says who it is');
  t.match(agent.calls, [{ request: { audience: [issuer.url] } }]);

  clock.pass(301);
  await broker.arm(call());
  t.not(tokens()[1]?.['client_assertion'], sent?.['client_assertion'], 'its end is not waited for');
});

test('the identity and the identifier that are configured', async (t) => {
  const { gate, call, agent, tokens } = await client(t, { id: 'postern', spiffe_id: gateSpiffeId });
  await gate().broker.arm(call());
  t.match(tokens(), [{ client_id: 'postern' }]);
  t.equal(agent.calls[0]?.request.spiffe_id, gateSpiffeId);
});

test('a JWT-SVID for another issuer never leaves the gate', async (t) => {
  const { gate, call, agent, tokens, clock } = await client(t);
  const elsewhere = await jwtSvids(clock, { aud: ['https://elsewhere.example'] });
  const svid = await elsewhere(gateSpiffeId, []);
  agent.answerWith((stream) => {
    begin(stream);
    stream.end(messageOf('JWTSVIDResponse', { svids: [{ spiffe_id: gateSpiffeId, svid }] }));
  });
  t.match(await refusal(gate().broker.arm(call())), { reason: 'secret_unavailable', detail: /another audience/ });
  t.strictSame(tokens(), []);
});

test('what is missing is told before the first call, and nothing is sent', async (t) => {
  const { gate, call, tokens, agent } = await client(t);
  agent.refuse(grpcStatus.permissionDenied);
  const { broker } = gate();
  await broker.warm();
  t.match(broker.status(), [{ ready: false, lastFailure: { reason: 'secret_unavailable' } }]);
  t.match(await refusal(broker.arm(call())), { reason: 'secret_unavailable', detail: /^/ });
  t.strictSame(tokens(), []);
});

test('without an issuer there is no audience, which is reported', async (t) => {
  const { gate, issuer } = await client(t);
  const { problems } = gate({ issuer: undefined, token_endpoint: `${issuer.url}/token` });
  t.match(problems, [{ path: ['exchanges', 'corp', 'client'], what: 'has no audience for its JWT-SVID' }]);
});

test('a socket that is named nowhere is reported', async (t) => {
  const { gate } = await client(t, { socket: undefined });
  t.match(gate().problems, [{ path: ['exchanges', 'corp', 'client', 'socket'], what: 'names no socket' }]);
});

test('an X.509-SVID of the Workload API: its SPIFFE ID is the client, rotated in the middle of everything', async (t) => {
  const world = await startWorld(t);
  const { agent, apis, timers } = await spiffeWorld(t, { clock: world.clock });
  const issuer = await startMtlsIssuer(t, world, (clientId, socket) => {
    return socket.getPeerX509Certificate()?.subjectAltName === `URI:${clientId}`;
  });
  agent.issue([[gateSpiffeId, certificateNamed('svid-1')]]);
  const entry = {
    grant: 'client_credentials',
    issuer: issuer.url,
    client: { auth: 'spiffe_x509', socket: agent.socket },
  };
  const { broker, problems } = world.gate({ exchanges: { corp: entry }, send: issuer.send, workload: apis.open });
  t.strictSame(problems, []);
  await broker.arm(world.call());

  timers.fire(100);
  const taken = timers.set(100);
  agent.issue([[gateSpiffeId, certificateNamed('svid-2')]]);
  await taken;
  world.clock.pass(301);
  await broker.arm(world.call());

  const tokens = issuer.requests.filter(({ path }) => path === '/token');
  t.strictSame(
    tokens.map(({ fingerprint, form }) => [fingerprint, form.get('client_id')]),
    [
      [certificateNamed('svid-1').fingerprint, gateSpiffeId],
      [certificateNamed('svid-2').fingerprint, gateSpiffeId],
    ],
  );

  agent.issue([]);
  const retry = timers.set(1_000);
  timers.fire(100);
  await retry;
  world.clock.pass(301);
  t.match(await refusal(broker.arm(world.call())), {
    reason: 'secret_unavailable',
    status: 503,
    detail: /client authentication: the Workload API has no identity for this workload .* register an entry/,
  });
});

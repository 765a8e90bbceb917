// RFC 7523 authorization grant: at an authorization server that trusts the issuer of the call's token.

import { type Test, test } from 'tap';
import { chainClient, startAuthorizationServer } from '../../support/exchange-vendors/authorization-server.ts';
import { openai, refusal, startWorld } from '../../support/exchange-world.ts';

async function start(t: Test) {
  const world = await startWorld(t);
  const { issuer, clock } = world;
  const server = await startAuthorizationServer({ clock, trust: { issuer: issuer.url, jwksUri: issuer.jwksUri } });
  t.teardown(() => server.close());
  const alice = await issuer.mint('alice', { audience: server.issuer, act: { iss: issuer.url, sub: 'agent' } });
  const agent = await issuer.mint('agent', { kind: 'workload' });
  const client = { auth: 'client_secret_basic', ...chainClient };
  const entry = (changes = {}) => ({ grant: 'jwt_bearer', issuer: server.issuer, client, ...changes });
  // The assertion names its actors itself: the caller stands in it already.
  const call = (changes = {}) => {
    const made = world.call({ subject: alice, actor: agent, ...changes });
    return { ...made, chain: { ...made.chain, actors: alice.actors } };
  };
  const gate = (changes = {}, route = {}) => world.gate({ exchanges: { corp: entry(changes) }, routes: [route] });
  return { world, server, alice, call, gate };
}

test('the subject token is the assertion; audience, resource and scope are asked for', async (t) => {
  const { server, call, gate, alice } = await start(t);
  const resource = ['https://mcp.partner.example'];
  const { broker, problems } = gate({ parameters: { tenant: 'research' } }, { resource });

  const { credential } = await broker.arm(call());

  t.strictSame(problems, []);
  const asked = server.received.find(({ path }) => path === '/token');
  t.strictSame(asked?.body, {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: alice.token.reveal(),
    audience: openai.audience,
    resource: resource[0],
    scope: 'model.invoke',
    tenant: 'research',
  });
  t.notOk(JSON.stringify(asked?.body).includes('actor_token'));
  t.match(credential.facts, { verification: { mode: 'strict', findings: [] }, issued: { sub: 'alice' } });
});

test('what comes back is compared like any other token', async (t) => {
  const { server, call, gate } = await start(t);
  server.bend((claims) => ({ ...claims, sub: 'bob' }));
  t.equal((await refusal(gate().broker.arm(call()))).reason, 'issued_subject_changed');
});

test('as JSON, with headers of the server’s own, and without client authentication where it wants none', async (t) => {
  const { server, call, gate } = await start(t);
  const changes = { encoding: 'json', headers: { 'x-tenant': 'research' }, client: undefined };
  t.equal((await refusal(gate(changes).broker.arm(call()))).reason, 'issuer_rejected_client', 'this one wants it');
  const asked = server.received.find(({ path }) => path === '/token');
  t.match(asked, { encoding: 'json', headers: { 'x-tenant': 'research' } });
  t.equal(asked?.headers.authorization, undefined);
});

test('an assertion for another server, or one redeemed before, is the agent’s to renew', async (t) => {
  const { world, call, gate } = await start(t);
  const { broker } = gate();
  const first = await broker.arm(call());
  world.clock.pass(10);
  t.equal((await refusal(broker.rearm(first))).reason, 'subject_token_rejected', 'redeemed before');
  const subject = await world.issuer.mint('alice', { audience: 'https://elsewhere' });
  t.equal((await refusal(broker.arm(world.call({ subject })))).reason, 'subject_token_rejected');
});

test('no header that the gate sets itself may be configured', async (t) => {
  const { gate } = await start(t);
  for (const name of ['authorization', 'content-type', 'host', 'cookie', 'X-Upper']) {
    t.throws(() => gate({ headers: { [name]: 'x' } }), name);
  }
  t.throws(() => gate({ headers: { 'x-a': 'b\r\nc: d' } }));
});

// Attack: an agent, or whoever stole from it, tries to go on after access was revoked: keeps a stream or a socket open and idle,
// calls with what is cached, has a refresh under way that would renew it, uses the handle or the trace it was given before,
// comes by another name of the same party, or spoils the list. Nothing of it may carry a call, and nothing may come back later.

import { once } from 'node:events';
import { truncateSync, writeFileSync } from 'node:fs';
import type { Duplex } from 'node:stream';
import { type Test, test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { answering } from '../support/e2e-issuer.ts';
import { holdStream, readStream } from '../support/e2e-stream.ts';
import { tokens } from '../support/e2e-tokens.ts';
import { apiRoute, calls, type Document, type Places, told, type World } from '../support/e2e-world.ts';
import { type Behaviour, callsOn, continuing, startInboundWorld } from '../support/inbound-world.ts';
import { rejection } from '../support/rejection.ts';
import { listIn, revokingIn, startRevoking } from '../support/revocation-world.ts';
import { clockAt, start } from '../support/sts-issuer.ts';

async function startSidecar(t: Test, config: (places: Places) => Document = () => ({}), inbound: Document = {}) {
  const world = await startInboundWorld(t, { inbound, config: (places) => ({ ...listIn(places), ...config(places) }) });
  return { ...world, ...revokingIn(world) };
}

/** Accepts upgrades and says nothing. @returns the sockets it has */
function silentServer(t: Test) {
  const server = new WebSocketServer({ noServer: true });
  t.teardown(() => {
    for (const client of server.clients) client.terminate();
  });
  const take = (request: Parameters<WebSocketServer['handleUpgrade']>[0], socket: Duplex, head: Buffer) =>
    server.handleUpgrade(request, socket, head, (client) => server.emit('connection', client));
  return { server, take };
}

async function connected(t: Test, url: string, headers: Record<string, string>): Promise<WebSocket> {
  const socket = new WebSocket(url.replace('http', 'ws'), { headers });
  t.teardown(() => socket.terminate());
  await once(socket, 'open');
  return socket;
}

const agentHeaders = async (world: World) => ({
  authorization: `Bearer ${await world.agent()}`,
  'postern-subject-token': await world.user(),
});

test('an idle WebSocket is cut on both sides', async (t) => {
  const { server, take } = silentServer(t);
  const world = await startRevoking(t, {
    config: (places) => {
      places.upstream.onUpgrade(take);
      return { routes: [apiRoute(places, { websocket: true })] };
    },
  });
  const connecting = once(server, 'connection');
  const socket = await connected(t, `${world.gate}/api`, await agentHeaders(world));
  const [upstream] = await connecting;
  const gone = [once(socket, 'close'), once(upstream, 'close')];
  await world.revoke({ actor: world.party('agent:planner') });
  const [[code]] = (await Promise.all(gone)) as [[number], unknown];
  t.equal(code, 1006, 'without a word of goodbye: nothing more is sent for it');
  const { records } = await world.end();
  t.match(calls(records), [{ status: 101, end: 'revoked' }]);
});

test('a prior actor of the chain is enough', async (t) => {
  const world = await startRevoking(t);
  const act = { sub: 'agent:writer', iss: world.issuer.issuer };
  const user = await world.user('alice', 'agent:planner', { act });
  const opening = holdStream(world.upstream);
  const answer = await world.call('/api/stream', { user });
  const stream = await opening;
  await world.revoke({ member: world.party('agent:writer') });
  await stream.gone;
  await rejection(readStream(answer).rest());
  t.strictSame(told(await world.call('/api', { user })), [403, 'access_revoked']);
});

test('a refresh under way renews nothing', async (t) => {
  const clock = clockAt(start);
  const world = await startRevoking(t, { clock });
  const same = await tokens(world, 3_600);
  await world.call('/api', same);
  const issued = world.upstream.received[0]?.token ?? '';
  clock.advance(230);
  const asked = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  world.issuer.answerWith((response, one) => {
    asked.resolve();
    held.promise.then(() => answering(200, { access_token: issued, token_type: 'Bearer' })(response, one));
  });
  await world.call('/api', same);
  await asked.promise;
  t.equal(world.issuer.asked.length, 2, 'the refresh is under way');
  await world.revoke({ id: 'r-1', subject: world.party('user:alice') });
  held.resolve();
  t.strictSame(told(await world.call('/api', same)), [403, 'access_revoked']);
  world.issuer.answerWith();
  await world.revoke({ lift: 'r-1' });
  await world.call('/api', same);
  t.equal(world.issuer.asked.length, 3, 'what the refresh brought was not kept');
});

test('a handle dies with the revocation, and does not come back with its end', async (t) => {
  const world = await startSidecar(t);
  t.equal((await world.callAgent()).status, 200);
  const handle = world.agentBehind.received[0]?.handle ?? '';
  const use = async () => told(await fetch(`${world.gate}/api`, { headers: { authorization: `Bearer ${handle}` } }));
  t.strictSame(await use(), [200, null]);
  await world.revoke({ id: 'r-1', subject: world.party('user:alice') });
  t.strictSame(await use(), [401, 'credential_invalid']);
  t.strictSame(told(await world.callAgent()), [403, 'access_revoked'], 'and no other is handed out');
  t.equal(world.agentBehind.received.length, 1);
  await world.revoke({ lift: 'r-1' });
  t.strictSame(await use(), [401, 'credential_invalid']);
  t.equal((await world.callAgent()).status, 200, 'who calls in again is given a new one');
  const { records } = await world.end();
  const revoked = records.find(({ event }) => event === 'postern.token.revoked');
  t.match(revoked?.['facts'], { ended: { handles: 1, credentials: 1 } });
  const denied = calls(records).find(({ reason }) => reason === 'subject_revoked');
  t.match(denied, { route: 'inbound', credential: undefined }, 'no handle was made for the caller that was refused');
});

test('the call in to the agent is cut, and what the agent still asks for it is refused', async (t) => {
  const world = await startSidecar(t, (places) => ({ routes: [apiRoute(places, { subject_from: 'trace' })] }));
  const asked = Promise.withResolvers<Parameters<Behaviour>[0]>();
  world.agentBehind.behave((request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.flushHeaders();
    asked.resolve(request);
  });
  const answer = await world.callAgent();
  const request = await asked.promise;
  await world.revoke({ member: world.party('user:alice') });
  await rejection(readStream(answer).rest());
  const onward = await fetch(`${world.gate}/api`, { headers: continuing(request) });
  t.strictSame(told(onward), [401, 'subject_required'], 'its trace stands for nobody any more');
  const { records } = await world.end();
  t.match(
    calls(records).find(({ route }) => route === 'inbound'),
    { end: 'revoked' },
  );
});

test('a socket to the agent is cut', async (t) => {
  const { server, take } = silentServer(t);
  const world = await startSidecar(t, undefined, { websocket: true });
  world.agentBehind.onUpgrade(take);
  const connecting = once(server, 'connection');
  const headers = { authorization: `Bearer ${await world.user()}` };
  const socket = await connected(t, `${world.app.inboundUrl}/live`, headers);
  const [agentSide] = await connecting;
  const gone = Promise.all([once(socket, 'close'), once(agentSide, 'close')]);
  await world.revoke({ route: 'inbound' });
  await gone;
  t.strictSame(told(await world.callAgent()), [403, 'access_revoked']);
});

test('an agent that is revoked itself goes nowhere, for no user', async (t) => {
  const world = await startSidecar(t);
  world.agentBehind.behave(callsOn);
  await world.revoke({ actor: world.party('agent:planner') });
  t.equal((await world.callAgent()).status, 403);
  const own = await fetch(`${world.gate}/api`);
  t.strictSame(told(own), [403, 'access_revoked']);
});

test('a new token of the same party is the same party', async (t) => {
  const world = await startRevoking(t);
  await world.revoke({ subject: world.party('user:alice') });
  const user = await world.user('alice', 'agent:planner', { ttl: 900 });
  t.strictSame(told(await world.call('/api', { user })), [403, 'access_revoked']);
});

test('spoiling the list lifts nothing', async (t) => {
  const world = await startRevoking(t);
  await world.revoke({ id: 'r-1', subject: world.party('user:alice') });
  const spoil: Record<string, () => void> = {
    'cut off in the middle': () => truncateSync(world.listFile, 20),
    emptied: () => truncateSync(world.listFile, 0),
    'other bytes': () => writeFileSync(world.listFile, Buffer.from([0, 255, 10, 123, 10, 0])),
    'the same id for something else that is broken': () =>
      writeFileSync(world.listFile, '{"id":"r-1","subject":"*"}\n'),
    'an id lifted that is nobody': () => writeFileSync(world.listFile, '{"lift":"*"}\n{"lift":"r-"}\n'),
  };
  for (const [name, act] of Object.entries(spoil)) {
    act();
    await world.app.revocations.refresh();
    t.strictSame(told(await world.call('/api')), [403, 'access_revoked'], name);
  }
});

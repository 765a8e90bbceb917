// Start, readiness and stop: nobody is sent to a gate that cannot serve, and nobody is cut off by one that stops.

import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { join } from 'node:path';
import { mock } from 'node:test';
import { test } from 'tap';
import { startApp } from '../../src/app.ts';
import { banner } from '../../src/commands/banner.ts';
import { ConfigError } from '../../src/config/load.ts';
import { holdStream, readStream } from '../support/e2e-stream.ts';
import { calls, startE2e, told } from '../support/e2e-world.ts';
import { startInboundWorld } from '../support/inbound-world.ts';
import { silentLog } from '../support/log.ts';
import { rejection } from '../support/rejection.ts';
import { socketFolder } from '../support/socket-folder.ts';
import { clockAt, start } from '../support/sts-issuer.ts';

async function ready({ app }: { app: { adminUrl: string } }): Promise<[number, unknown]> {
  const answer = await fetch(`${app.adminUrl}/readyz`);
  return [answer.status, await answer.json()];
}

test('not ready until the issuer answers, and ready from then on', async (t) => {
  const clock = clockAt(start);
  const world = await startE2e(t, { clock, issuerDown: true });
  t.match(await ready(world), [503, { ready: false, waitingFor: ['trust corp'] }]);
  t.equal((await fetch(`${world.app.adminUrl}/livez`)).status, 200, 'alive all the same');
  t.strictSame(told(await world.call('/api')), [503, 'credential_unavailable']);

  world.issuer.setDown(false);
  clock.advance(10);
  t.match(await ready(world), [200, { ready: true, waitingFor: [] }]);
  t.equal((await world.call('/api')).status, 200);

  world.issuer.setDown(true);
  clock.advance(2 * 86_400);
  t.match(await ready(world), [200, { ready: true }], 'an outage later takes no gate out of rotation');
});

test('stop: a live stream is served to its end, new calls are not', async (t) => {
  const world = await startE2e(t);
  const opening = holdStream(world.upstream);
  const answer = await world.call('/api/stream');
  const stream = await opening;
  const reader = readStream(answer);
  stream.send('data: one\n\n');
  await reader.until('one');

  let stopped = false;
  const ending = world.end().then((all) => {
    stopped = true;
    return all;
  });
  await t.rejects(world.call('/api'), 'the door is closed');
  t.match(await ready(world), [503, { ready: false, draining: true }]);
  t.notOk(stopped);
  stream.send('data: two\n\n');
  stream.end();
  t.equal(await reader.rest(), 'data: one\n\ndata: two\n\n');
  const { records, spans } = await ending;
  t.match(calls(records), [{ status: 200, end: 'complete' }]);
  t.ok(spans.length >= 3, 'and what happened was exported before the end');
});

test('stop with a delay: for so long calls are taken while load balancers are told to look elsewhere', async (t) => {
  const listen = { outbound: '127.0.0.1:0', admin: '127.0.0.1:0', drain_delay: '5s', drain_timeout: '10s' };
  const world = await startE2e(t, { config: () => ({ listen }) });
  mock.timers.enable({ apis: ['setTimeout'] });
  t.teardown(() => mock.timers.reset());
  const ending = world.end();
  t.match(await ready(world), [503, { ready: false, draining: true }]);
  t.equal((await world.call('/api')).status, 200);
  mock.timers.tick(5_000);
  mock.timers.reset();
  const { records } = await ending;
  await t.rejects(world.call('/api'), 'the door is closed');
  t.match(calls(records), [{ status: 200, end: 'complete' }]);
});

test('what agents call may be another address than the one listened on', async (t) => {
  const listen = { outbound: '127.0.0.1:0', admin: '127.0.0.1:0', public_url: 'https://gate.example/agents/' };
  const world = await startE2e(t, { config: () => ({ listen }) });
  const routes = await (await fetch(`${world.app.adminUrl}/routes`)).json();
  t.match(routes, [{ client: { baseUrl: 'https://gate.example/agents/api' } }]);
  t.match(banner(world.app), /agents +http:\/\/127\S+ +called as https:\/\/gate\.example\/agents\n/);
  t.match(banner(world.app), /api +https:\/\/gate\.example\/agents\/api /);
});

test('stop: both listeners share the drain time, so that a call out is not given it twice', async (t) => {
  const clock = clockAt(start);
  const listen = { outbound: '127.0.0.1:0', admin: '127.0.0.1:0', drain_timeout: '1h' };
  const world = await startInboundWorld(t, { clock, config: () => ({ listen }) });
  const arrived = Promise.withResolvers<void>();
  const finish = Promise.withResolvers<void>();
  world.agentBehind.behave(async (_request, response) => {
    arrived.resolve();
    await finish.promise;
    response.end('done');
  });
  const incoming = world.callAgent();
  await arrived.promise;
  const opening = holdStream(world.upstream);
  const reader = readStream(await world.call('/api/stream', { agent: null, user: null }));
  const stream = await opening;

  const ending = world.end();
  stream.send('data: one\n\n');
  await reader.until('one');
  clock.advance(3_600);
  finish.resolve();
  t.equal(await (await incoming).text(), 'done');
  await t.rejects(reader.rest(), 'its hour was over when the last call in had ended');
  await ending;
});

test('stop: an idle keep-alive connection does not hold it up', async (t) => {
  const world = await startE2e(t);
  await (await world.call('/api')).text();
  t.ok(await world.end());
});

test('stop: what does not end within the drain time is cut, and recorded so', async (t) => {
  const world = await startE2e(t, {
    config: () => ({ listen: { outbound: '127.0.0.1:0', admin: '127.0.0.1:0', drain_timeout: '50ms' } }),
  });
  const opening = holdStream(world.upstream);
  const reader = readStream(await world.call('/api/stream'));
  const stream = await opening;
  stream.send('data: one\n\n');
  await reader.until('one');
  const { records } = await world.end();
  await t.rejects(reader.rest(), 'cut, not made to look whole');
  await stream.gone;
  t.equal(calls(records).length, 1);
});

test('a listener that is taken: the start fails with the address, and leaves nothing listening', async (t) => {
  const world = await startE2e(t);
  const taken = new URL(world.app.adminUrl).host;
  const [outbound, issuer] = [await freeAddress(), await freeAddress()];
  world.configure({ listen: { outbound, admin: taken }, sts: { embedded: { listen: issuer } } });
  const failure = await rejection(
    startApp({ configFile: world.configFile, clock: clockAt(start), log: silentLog, env: {}, watch: false }),
  );
  t.match(failure, { code: 'EADDRINUSE', port: Number(new URL(world.app.adminUrl).port) });
  for (const address of [outbound, issuer]) await t.rejects(fetch(`http://${address}/`), 'nobody answers there');
});

test('a configuration that cannot be used starts nothing', async (t) => {
  const world = await startE2e(t);
  world.configure({ routes: [], exchanges: 5 });
  const failure = await rejection(
    startApp({ configFile: world.configFile, clock: clockAt(start), log: silentLog, env: {}, watch: false }),
  );
  t.ok(failure instanceof ConfigError);
});

test('a unix socket is a listener like any other', async (t) => {
  const world = await startE2e(t, {
    config: () => ({ listen: { outbound: `unix:${join(socketFolder(t), 'gate.sock')}`, admin: '127.0.0.1:0' } }),
  });
  const socketPath = world.gate.replace('unix:', '');
  const headers = { authorization: `Bearer ${await world.agent()}` };
  const status = await new Promise((resolve, reject) => {
    request({ socketPath, path: '/api', headers }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .on('error', reject)
      .end();
  });
  t.equal(status, 200);
});

async function freeAddress(): Promise<string> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

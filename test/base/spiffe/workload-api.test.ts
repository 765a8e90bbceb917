// Where the Workload API is looked for: the configuration, else SPIFFE_ENDPOINT_SOCKET; one connection for each socket;
// and what is said of a path that is no socket, or has nobody behind it.

import { once } from 'node:events';
import { linkSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import type { Problem } from '../../../src/base/problem.ts';
import { spiffeId, workloadSocket } from '../../../src/base/spiffe/scalars.ts';
import { createWorkloadApis } from '../../../src/base/spiffe/workload-api.ts';
import { stoppedClock } from '../../support/exchange-clock.ts';
import { silentLog } from '../../support/log.ts';
import { socketFolder } from '../../support/socket-folder.ts';
import { failureOf, spiffeWorld } from '../../support/spiffe-world.ts';
import { heldTimers } from '../../support/timers.ts';

const question = { audience: 'https://idp.example.com', spiffeId: undefined };

function open(t: Test, socket: string | undefined, env: Record<string, string> = {}) {
  const problems: Problem[] = [];
  const apis = createWorkloadApis({ env, clock: stoppedClock(), timers: heldTimers(), log: silentLog });
  t.teardown(() => apis.close());
  return { api: apis.open(socket, (problem) => problems.push(problem)), problems, apis };
}

test('the environment names the socket where the configuration does not', async (t) => {
  const { agent } = await spiffeWorld(t);
  const { api } = open(t, undefined, { SPIFFE_ENDPOINT_SOCKET: agent.socket });
  t.ok(await api?.jwtSvid(question)());
});

test('no socket, or none that is a unix socket, is a problem of the configuration', (t) => {
  t.match(open(t, undefined).problems, [{ path: ['socket'], what: 'names no socket', mend: /SPIFFE_ENDPOINT_SOCKET/ }]);
  const tcp = open(t, undefined, { SPIFFE_ENDPOINT_SOCKET: 'tcp://127.0.0.1:8000' });
  t.match(tcp.problems, [{ what: /names no unix socket/ }]);
  t.equal(tcp.api, undefined);
  t.end();
});

test('one connection for each socket, however often it is opened', async (t) => {
  const { agent, apis, api } = await spiffeWorld(t);
  t.equal(
    apis.open(agent.socket.replace('unix://', 'unix:'), () => {}),
    api,
  );
});

test('a path that is no socket is told as that', async (t) => {
  const folder = socketFolder(t);
  const file = join(folder, 'file');
  writeFileSync(file, 'CANARY');
  symlinkSync(file, join(folder, 'link'));
  const said: Record<string, RegExp> = {
    [file]: /file is not a socket$/,
    [join(folder, 'link')]: /link is not a socket$/,
    [folder]: /is not a socket$/,
    '/dev/null': /\/dev\/null is not a socket$/,
    [join(folder, 'gone')]: /gone is not there$/,
    [join(file, 'below')]: /is not there$/,
  };
  for (const [path, message] of Object.entries(said)) {
    const { api } = open(t, `unix://${path}`);
    if (api === undefined) throw new TypeError('no Workload API');
    t.match(await failureOf(api.jwtSvid(question)()), { kind: 'unreachable', message });
    t.match(await failureOf(api.x509Svid(undefined)), { kind: 'unreachable', message });
  }
});

test('a socket with nobody behind it', async (t) => {
  const path = join(socketFolder(t), 'agent.sock');
  const left = createServer().listen(path);
  await once(left, 'listening');
  const moved = `${path}.left`;
  linkSync(path, moved);
  left.close();
  await once(left, 'close');
  const { api } = open(t, `unix://${moved}`);
  if (api === undefined) throw new TypeError('no Workload API');
  t.match(await failureOf(api.jwtSvid(question)()), { kind: 'unreachable', message: /has nobody behind it/ });
});

test('what may be written as a socket and as a SPIFFE ID', (t) => {
  const sockets = ['unix:///run/agent.sock', 'unix:/run/agent.sock', `unix:///${'x'.repeat(106)}`];
  const none = ['/run/agent.sock', 'tcp://127.0.0.1:1', 'unix://host/run', 'unix:agent.sock', 'unix:///', 'unix:////x'];
  const long = `unix:///${'x'.repeat(107)}`;
  for (const text of sockets) t.ok(workloadSocket.safeParse(text).success, text);
  for (const text of [...none, long, 'unix:///a?b', 'unix:///a%2fb']) {
    t.notOk(workloadSocket.safeParse(text).success, text);
  }
  for (const text of ['spiffe://corp/a', 'spiffe://corp.example/ns/a/sa/b-c_d.e']) {
    t.ok(spiffeId.safeParse(text).success, text);
  }
  for (const text of ['spiffe://Corp/a', 'spiffe://corp', 'spiffe://corp/', 'spiffe://corp/a/../b', 'https://corp/a']) {
    t.notOk(spiffeId.safeParse(text).success, text);
  }
  t.end();
});

// The parts of undici are taken from their own files: after an update they must still be the ones its index has.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'tap';
import * as undici from 'undici';
import { Agent, makeConnector, Pool, request } from '../../src/base/undici.ts';

test('the very classes and functions of the index', (t) => {
  t.equal(Pool, undici.Pool);
  t.equal(Agent, undici.Agent);
  t.equal(makeConnector, undici.buildConnector);
  t.end();
});

test('a request without the index', async (t) => {
  const server = createServer((incoming, answer) => answer.end(incoming.url));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const agent = new Agent();
  t.teardown(() => Promise.all([agent.close(), server.close()]));
  const { port } = server.address() as AddressInfo; // listening on TCP, so never a path or null
  const origin = `http://127.0.0.1:${port}`;
  const { statusCode, body } = await request(agent, { origin, path: '/a?b=c', method: 'GET' });
  t.equal(statusCode, 200);
  t.equal(await body.text(), '/a?b=c');
});

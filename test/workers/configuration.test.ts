// `workers` in the configuration: how many, and what does not go with more than one.

import { availableParallelism } from 'node:os';
import { test } from 'tap';
import { workerCount } from '../../src/workers/schema.ts';
import { load, problemsIn, validConfig } from '../support/config-world.ts';

const two = `${validConfig}workers: 2\n`;

test('one by default, as many as asked for, or one for each core', async (t) => {
  t.equal(workerCount((await load(validConfig)).config.workers), 1);
  t.equal(workerCount((await load(two)).config.workers), 2);
  t.equal(workerCount((await load(`${validConfig}workers: auto\n`)).config.workers), availableParallelism());
});

test('threads without bound cannot be asked for', async (t) => {
  for (const workers of ['0', '65', '1.5', 'many']) {
    t.match(await problemsIn(`${validConfig}workers: ${workers}\n`), [/workers/]);
  }
});

test('a unix socket has one owner', async (t) => {
  t.strictSame(await problemsIn(`${two}listen: { outbound: unix:/run/postern.sock }\n`), [
    '20:21  listen.outbound  is a unix socket, which workers cannot share; write host:port, or workers: 1',
  ]);
});

test('handles are in the memory of one thread', async (t) => {
  const inbound = `identity: { mode: sidecar, token_file: /token }
inbound: { listen: 127.0.0.1:8081, agent: http://127.0.0.1:3000, allow: [{ id: anyone, when: 'true' }] }
`;
  t.match(await problemsIn(`${two}${inbound}`), [/workers {2}does not go with `inbound`/]);
  await load(`${validConfig}${inbound}`);
});

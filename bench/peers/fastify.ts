// @fastify/http-proxy, forwarding only, as its manual shows it.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { announce, readJob } from '../servers/job.ts';

interface Fastify {
  register(plugin: unknown, options: object): void;
  listen(options: { port: number; host: string }): Promise<string>;
  readonly server: import('node:net').Server;
}

const { mounts, peers = '' } = readJob();
const load = createRequire(join(peers, 'package.json'));
// Not a dependency of this repository, so without types: only what is used is stated.
const create = load('fastify') as (options: object) => Fastify;
const app = create({ logger: false, bodyLimit: 134_217_728 });
for (const { path, origin } of mounts.filter(({ origin: each }) => each.startsWith('http:'))) {
  app.register(load('@fastify/http-proxy'), {
    upstream: origin,
    prefix: path,
    undici: { connections: 256, pipelining: 1 },
  });
}
await app.listen({ port: 0, host: '127.0.0.1' });
announce(app.server.address());

// http-proxy-3, forwarding only, with keep-alive to the upstream (without an agent it opens a connection for each request).

import { Agent, createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { announce, readJob } from '../servers/job.ts';

interface Proxy {
  web(request: IncomingMessage, response: ServerResponse, options: { target: string }): void;
  on(event: 'error', listener: () => void): void;
}

const { mounts, peers = '' } = readJob();
const load = createRequire(join(peers, 'package.json'));
// Not a dependency of this repository, so without types: only what is used is stated.
const { createProxyServer } = load('http-proxy-3') as { createProxyServer(options: object): Proxy };
const proxy = createProxyServer({
  agent: new Agent({ keepAlive: true, maxSockets: 256, maxFreeSockets: 256 }),
  xfwd: false,
});
proxy.on('error', () => {});
const origins = new Map(mounts.map(({ path, origin }) => [path, origin]));
const server = createServer((request, response) => {
  const url = request.url ?? '/';
  const end = url.indexOf('/', 1);
  const target = origins.get(url.slice(0, end));
  if (target === undefined) {
    response.writeHead(404).end();
    return;
  }
  request.url = url.slice(end);
  proxy.web(request, response, { target });
});
server.listen(0, '127.0.0.1', () => announce(server.address()));

// What every measurement shares: upstream, issuer, collector, tokens, a folder for files of the run.
// Everything listens on loopback and is gone, files included, when the run ends.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { otherCore, type Running, startScript } from './processes.ts';
import type { MountJob } from './servers/job.ts';

export interface World {
  readonly folder: string;
  /** Certificate authority of the TLS upstream. */
  readonly ca: string;
  readonly mounts: readonly MountJob[];
  readonly upstream: Running;
  readonly sink: Running;
  readonly sinkUrl: string;
  readonly issuer: Running;
  readonly issuerUrl: string;
  readonly tokens: { readonly agent: string; readonly user: string };
  close(): Promise<void>;
}

export async function startWorld(): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'postern-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const options = { core: otherCore };
  const nothing = { mounts: [] };
  const [upstream, sink, issuer] = await Promise.all([
    startScript('servers/upstream.ts', nothing, options),
    startScript('servers/sink.ts', nothing, options),
    startScript('servers/issuer.ts', nothing, options),
  ]);
  const at = (port: unknown, scheme = 'http', host = '127.0.0.1') => `${scheme}://${host}:${String(port)}`;
  const { port, small, tls } = upstream.facts;
  return {
    folder,
    ca: fileURLToPath(new URL('../test/support/forwarding-tls/cert.pem', import.meta.url)),
    mounts: [
      { path: '/openai', origin: at(small), http2: false },
      { path: '/stream', origin: at(port), http2: false },
      { path: '/plain', origin: at(port), http2: false },
      { path: '/tls1', origin: at(tls, 'https', 'localhost'), http2: false },
      { path: '/tls2', origin: at(tls, 'https', 'localhost'), http2: true },
    ],
    upstream,
    sink,
    sinkUrl: at(sink.facts['port']),
    issuer,
    issuerUrl: String(issuer.facts['issuer']),
    tokens: { agent: String(issuer.facts['agent']), user: String(issuer.facts['user']) },
    async close() {
      await Promise.all([upstream.stop(), sink.stop(), issuer.stop()]);
    },
  };
}

/** A port nobody listens on right now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
  await new Promise((resolve) => server.close(resolve));
  return port;
}

// Where a listener listens: `host:port` or `unix:/path`, parsed once at load and turned into what `server.listen` takes.
// Must never remove anything but a stale socket of its own.

import { rmSync, statSync } from 'node:fs';
import { connect, type Server } from 'node:net';

export type ListenAddress =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

/** `127.0.0.1:8080`, `[::1]:8080`, `0.0.0.0:0` or `unix:/run/postern.sock`; undefined when it is none of these. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  if (text.startsWith('unix:/')) return { kind: 'unix', path: text.slice('unix:'.length) };
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9A-Za-z.-]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || !(port >= 0 && port <= 65_535)) return undefined;
  return { kind: 'tcp', host, port };
}

/**
 * Binds a server. A stale unix socket left by a crash is removed first; anything else at that path is not ours to touch.
 * @param shared others may listen there too (SO_REUSEPORT): the system deals connections out; not for unix sockets.
 * @returns the address really bound, as a URL or `unix:` path (port 0 becomes the port given by the system).
 * @throws the bind error (EADDRINUSE, EACCES ...).
 */
export async function listen(server: Server, address: ListenAddress, shared = false): Promise<string> {
  if (address.kind === 'unix') await removeStaleSocket(address.path);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    const bound = () => {
      server.removeListener('error', reject);
      resolve();
    };
    if (address.kind === 'unix') server.listen(address.path, bound);
    else server.listen({ port: address.port, host: address.host, reusePort: shared }, bound);
  });
  if (address.kind === 'unix') return `unix:${address.path}`;
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
  return `http://${address.host.includes(':') ? `[${address.host}]` : address.host}:${port}`;
}

/** A socket that somebody answers at is in use: it stays, and binding fails as it should. */
async function removeStaleSocket(path: string): Promise<void> {
  if (!statSync(path, { throwIfNoEntry: false })?.isSocket()) return;
  const isStale = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => resolve(false));
    probe.once('connect', () => probe.destroy());
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
  if (isStale) rmSync(path);
}

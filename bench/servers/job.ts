// How the processes of a run are told their job and say where they listen: one JSON argument in, one message out.
// A process whose parent is gone ends by itself: a bench that is killed must leave nothing running.

import type { AddressInfo } from 'node:net';

export interface MountJob {
  /** First segment of the path, with its slash. */
  readonly path: string;
  readonly origin: string;
  readonly http2: boolean;
}

export interface Job {
  readonly mounts: readonly MountJob[];
  /** File of the certificate authority of the TLS upstream. */
  readonly ca?: string | undefined;
  /** Folder for files of this run. */
  readonly folder?: string | undefined;
  /** Folder of `node_modules` with proxies to compare with. */
  readonly peers?: string | undefined;
}

/** The job of this process. Written by our own parent: its shape is not checked again. */
export function readJob(): Job {
  process.on('disconnect', () => process.exit(0));
  return JSON.parse(process.argv[2] ?? '{"mounts":[]}') as Job;
}

/** Tells the parent that this process is ready, and where. */
export function announce(address: AddressInfo | string | null, facts: object = {}): void {
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  process.send?.({ ready: true, port, ...facts });
}

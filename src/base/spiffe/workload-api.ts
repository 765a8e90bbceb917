// The SPIFFE Workload API (SPIFFE_Workload_API.md), one connection for each socket whoever uses it: client authentication,
// subject sources, the sidecar's own identity. Nothing is opened before it is needed: an agent that comes up later is found.
// Must never be pointed anywhere by a call: sockets are named by the configuration or by the environment alone.

import type { Clock, Log, Timers } from '../ports.ts';
import type { Report } from '../problem.ts';
import { createChannel } from './channel.ts';
import { createJwtSvid, type JwtSvidQuestion, type ReadJwtSvid } from './jwt-svids.ts';
import { socketPath } from './scalars.ts';
import type { X509Svid } from './x509-svid.ts';
import { createX509Svids } from './x509-svids.ts';

export interface WorkloadApi {
  jwtSvid(question: JwtSvidQuestion): ReadJwtSvid;
  /** The X.509-SVID that holds now. @throws WorkloadFailure */
  x509Svid(spiffeId: string | undefined): Promise<X509Svid>;
}

/**
 * @param socket as configured; by default SPIFFE_ENDPOINT_SOCKET (SPIFFE_Workload_Endpoint.md section 4)
 * @param report takes `socket` below the option that uses it; undefined is returned after a problem was reported
 */
export type OpenWorkloadApi = (socket: string | undefined, report: Report) => WorkloadApi | undefined;

export interface WorkloadApis {
  readonly open: OpenWorkloadApi;
  close(): void;
}

export interface WorkloadApisOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: Log;
}

export function createWorkloadApis({ env, ...ports }: WorkloadApisOptions): WorkloadApis {
  const opened = new Map<string, WorkloadApi & { close(): void }>();

  return {
    open(configured, report) {
      const socket = configured ?? env['SPIFFE_ENDPOINT_SOCKET'];
      const path = socket === undefined ? undefined : socketPath(socket);
      if (path === undefined) {
        const what =
          socket === undefined ? 'names no socket' : 'is left to SPIFFE_ENDPOINT_SOCKET, which names no unix socket';
        const mend = 'write socket: unix:///path, or set SPIFFE_ENDPOINT_SOCKET to such a URI';
        report({ path: ['socket'], what, mend });
        return undefined;
      }
      const api = opened.get(path) ?? createWorkloadApi(path, ports);
      opened.set(path, api);
      return api;
    },
    close() {
      for (const api of opened.values()) api.close();
      opened.clear();
    },
  };
}

function createWorkloadApi(path: string, ports: Omit<WorkloadApisOptions, 'env'>): WorkloadApi & { close(): void } {
  const channel = createChannel(path);
  const x509 = createX509Svids({ channel, ...ports });
  return {
    jwtSvid: (question) => createJwtSvid(question, { channel, ...ports }),
    x509Svid: (spiffeId) => x509.current(spiffeId),
    close() {
      x509.close();
      channel.close();
    },
  };
}

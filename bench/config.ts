// The configuration Postern is measured with: everything on. Two tokens are verified, a rule reads the model, a credential is
// exchanged (and from then on found), every call is audited to a file, metrics are kept, and spans go to the collector.

import { join } from 'node:path';
import { stringify } from 'yaml';
import { gateClient } from './servers/client.ts';
import type { World } from './world.ts';

export interface PosternOptions {
  /** Share of traces recorded, 0 to 1. */
  readonly ratio: number;
  /** Threads that carry calls. */
  readonly workers?: number;
  /** Whether there is a route with HTTP/2, which loads what that takes; true by default. */
  readonly http2?: boolean;
}

interface Ports {
  readonly port: number;
  readonly adminPort: number;
}

export function posternConfig(
  world: World,
  { port, adminPort }: Ports,
  { ratio, workers = 1, http2: withHttp2 = true }: PosternOptions,
): string {
  const mounts = world.mounts.filter(({ http2 }) => withHttp2 || !http2);
  const routes = mounts.map(({ path, origin, http2 }) => ({
    ...(path === '/plain' ? { websocket: true } : { preset: 'openai' }),
    name: path.slice(1),
    path,
    upstream: origin,
    http2,
    exchange: 'corp',
    audience: 'https://api.openai.com',
    scopes: ['model.invoke'],
    on_behalf_of: 'required',
    limits: { token_ttl: '1h' },
    max_connections: 8_192,
    owners: { issuance: 'team-iam', policy: 'team-research' },
    allow: [
      {
        id: 'research',
        when:
          path === '/plain'
            ? 'caller.sub.startsWith("agent:")'
            : 'caller.sub.startsWith("agent:") && request.model.startsWith("gpt-")',
      },
    ],
  }));
  return stringify({
    version: 1,
    workers,
    listen: { outbound: `127.0.0.1:${port}`, admin: `127.0.0.1:${adminPort}`, drain_timeout: '1s' },
    trust: [
      {
        name: 'corp',
        issuer: world.issuerUrl,
        audiences: ['postern', 'agent:planner'],
        principal: 'any',
        workload_when: 'claims.sub_profile == "ai_agent"',
      },
    ],
    exchanges: {
      corp: {
        grant: 'token_exchange',
        issuer: world.issuerUrl,
        client: { ...gateClient, auth: 'client_secret_basic' },
      },
    },
    routes,
    network: { ca_file: world.ca },
    telemetry: { endpoint: world.sinkUrl, traces: { sample_ratio: ratio } },
    audit: { sink: 'file', file: join(world.folder, `audit-${port}.jsonl`) },
  });
}

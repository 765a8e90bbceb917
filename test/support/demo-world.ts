// An embedded issuer and tokens of it as the gate would obtain them for a hop: user, one or two agents, one audience.
// Real time, since the demo's upstreams verify with the system clock as any resource server does.

import type { Test } from 'tap';
import type { Upstream } from '../../demo/upstreams/serve.ts';
import type { VerifierOptions } from '../../demo/upstreams/verify.ts';
import { systemClock } from '../../src/base/ports.ts';
import type { MintOptions } from '../../src/sts/mint.ts';
import { startIssuer } from './sts-issuer.ts';

export const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

export interface DemoWorld {
  readonly upstream: Upstream;
  /** A token for this upstream; `changes` alter the claims. */
  token(changes?: Partial<MintOptions>): Promise<string>;
}

export async function startUpstream(
  t: Test,
  start: (options: VerifierOptions) => Promise<Upstream>,
  scope: string,
  audience = 'https://upstream.example',
): Promise<DemoWorld> {
  const issuer = await startIssuer(t, {}, systemClock);
  const upstream = await start({ issuer: issuer.issuer, jwksUri: issuer.jwksUri, audience });
  t.teardown(() => upstream.close());
  const act = { sub: 'agent:researcher', iss: issuer.issuer, act: { sub: 'agent:planner', iss: issuer.issuer } };
  return {
    upstream,
    token: (changes = {}) =>
      issuer.mint({ sub: 'alice', audience, scope, act, ttl: 120, clientId: 'postern', ...changes }),
  };
}

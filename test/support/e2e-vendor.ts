// A gate with one preset in front of a demo upstream of that vendor, which verifies every token it gets. Real time, since the
// upstream verifies with the system clock as any resource server does.

import type { Test } from 'tap';
import type { Upstream } from '../../demo/upstreams/serve.ts';
import type { VerifierOptions } from '../../demo/upstreams/verify.ts';
import { systemClock } from '../../src/base/ports.ts';
import { apiRoute, type Document, startE2e, type World } from './e2e-world.ts';

export interface VendorOptions {
  readonly preset: string;
  readonly audience: string;
  readonly scope: string;
  /** Path of the API at the upstream. */
  readonly base?: string;
  readonly start: (options: VerifierOptions) => Promise<Upstream>;
  /** Changes to the route. */
  readonly route?: Document;
}

export interface VendorWorld extends World {
  readonly vendor: Upstream;
  /** What an SDK needs: planner's own token, and alice's in the header that carries her. */
  credentials(user?: string): Promise<{ readonly apiKey: string; readonly headers: Record<string, string> }>;
}

export const traceId = '0af7651916cd43dd8448eb211c80319c';
export const traceparent = `00-${traceId}-b7ad6b7169203331-01`;

export async function startVendor(t: Test, options: VendorOptions): Promise<VendorWorld> {
  const { preset, audience, scope, base = '' } = options;
  let vendor: Upstream | undefined;
  const world = await startE2e(t, {
    clock: systemClock,
    config: async (places) => {
      const { issuer } = places;
      vendor = await options.start({ issuer: issuer.issuer, jwksUri: issuer.jwksUri, audience });
      const { path: _presets, name: _none, ...route } = apiRoute(places, { audience, scopes: [scope] });
      return { routes: [{ ...route, preset, upstream: `${vendor.url}${base}`, ...options.route }] };
    },
  });
  if (vendor === undefined) throw new TypeError('the vendor was not started');
  const { close } = vendor;
  t.teardown(() => close());
  return {
    ...world,
    vendor,
    async credentials(user = 'alice') {
      const [apiKey, subject] = await Promise.all([world.agent(), world.user(user)]);
      return { apiKey, headers: { 'Postern-Subject-Token': subject, traceparent } };
    },
  };
}

// A gate whose every secret is a canary, with a net over everything it lets out.

import { readFileSync } from 'node:fs';
import type { Test } from 'tap';
import { createLog } from '../../src/telemetry/log.ts';
import { castNet, type Net } from './e2e-canary.ts';
import { apiRoute, type Places, standardConfig, startE2e, type World } from './e2e-world.ts';

export interface Guarded {
  readonly world: World;
  readonly net: Net;
  /** Stops the gate and casts the net over everything it wrote. */
  finish(): Promise<readonly string[]>;
}

/** A gate whose log is the real one, at its most talkative, and whose every secret is a canary. */
export async function startGuarded(t: Test, routes?: (places: Places) => readonly object[]): Promise<Guarded> {
  const net = castNet();
  const log = createLog({ level: 'debug', destination: { write: (line) => net.caught('the log', line) } });
  const world = await startE2e(t, {
    log,
    config: (places) => ({
      telemetry: {
        endpoint: places.collector.url,
        headers: { 'x-collector-key': net.plant('collector key') },
        subject_key: net.plant('pseudonym key'),
      },
      exchanges: {
        ...Object(standardConfig(places)['exchanges']),
        key: { grant: 'static_secret', value: net.plant('standing key') },
      },
      routes: [
        apiRoute(places, { websocket: true }),
        apiRoute(places, { name: 'keyed', path: '/keyed', exchange: 'key', audience: undefined, scopes: undefined }),
        ...(routes?.(places) ?? []),
      ],
    }),
  });
  return {
    world,
    net,
    async finish() {
      for (const page of ['/livez', '/readyz', '/metrics', '/routes', '/nothing']) {
        await net.answer(`admin ${page}`, await fetch(`${world.app.adminUrl}${page}`));
      }
      await world.end();
      net.caught('the audit log', readFileSync(world.auditFile));
      for (const message of world.collector.rawBytes()) net.caught('OTLP', message);
      const issued = new Set(world.upstream.received.map(({ token }) => token));
      for (const token of issued) if (token?.startsWith('eyJ')) net.watch('an issued token', token);
      return net.found();
    },
  };
}

// postern routes: which APIs agents can reach through this configuration, how each credential is had, and what an agent's
// developer has to set. Static keys are called what they are: standing privilege.

import { parseArgs } from 'node:util';
import { systemClock } from '../base/ports.ts';
import { loadConfig } from '../config/load.ts';
import { gateUrlOf } from '../listeners/schema.ts';
import { createLog } from '../telemetry/log.ts';
import { compileGate } from '../wiring/gate.ts';
import { describeRoutes, type RouteDescription } from '../wiring/pages.ts';
import { configOption, requireConfig } from './options.ts';
import { table } from './table.ts';

export const usage = `
usage: postern routes --config FILE [--json]

  --config FILE  the configuration (default: $POSTERN_CONFIG, else postern.yaml)
  --json         for machines
`;

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { ...configOption, json: { type: 'boolean', default: false } } });
  const loaded = await loadConfig({ file: requireConfig(values.config), env: process.env });
  const gate = compileGate(loaded, { clock: systemClock, log: createLog({ level: 'silent' }), env: process.env });
  const { outbound } = loaded.config.listen;
  const bound = outbound.kind === 'tcp' ? `http://${outbound.host}:${outbound.port}` : `unix:${outbound.path}`;
  const routes = describeRoutes(gate, gateUrlOf(loaded.config.listen, bound));
  await gate.closeNow();
  console.log(values.json ? JSON.stringify(routes, null, 2) : forPeople(routes));
  return 0;
}

function forPeople(routes: readonly RouteDescription[]): string {
  const rows = routes.map((route) => [
    route.id,
    route.upstream,
    route.credential === 'static'
      ? `${route.exchange} (static: standing privilege)`
      : `${route.exchange} (${route.credential})`,
    route.audience ?? '-',
    route.onBehalfOf,
    route.rules.join(', '),
  ]);
  const settings = routes.map(({ id, client }) => [
    id,
    client.baseUrlEnv === undefined ? client.baseUrl : `${client.baseUrlEnv}=${client.baseUrl}`,
    client.credentialSlot,
  ]);
  return [
    table([['route', 'upstream', 'exchange', 'audience', 'on behalf of', 'rules'], ...rows]),
    '',
    table([['route', 'the agent sets', 'and puts its identity token in'], ...settings]),
  ].join('\n');
}

// postern check: is this configuration usable? Compiles every part of it exactly as `serve` would, without listening.
// With --online also reaches every issuer: discovery, keys, connections to token endpoints that are configured. Nothing is
// exchanged and no upstream is called, so it says no more than that.

import { parseArgs } from 'node:util';
import { systemClock } from '../base/ports.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import type { ExchangeStatus } from '../exchange/broker.ts';
import { compileNetwork, type Network } from '../forwarding/network.ts';
import type { EmbeddedIssuer } from '../sts/issuer.ts';
import { createLog } from '../telemetry/log.ts';
import { compileGate, type Gate } from '../wiring/gate.ts';
import { createInspect } from '../wiring/inspect.ts';
import { insecureOptions } from '../wiring/reload.ts';
import { openRevocations } from '../wiring/revocations.ts';
import { configOption, requireConfig } from './options.ts';
import { type Reached, reach } from './reach.ts';
import { table } from './table.ts';

export const usage = `
usage: postern check --config FILE [--online]

  --config FILE  the configuration (default: $POSTERN_CONFIG, else postern.yaml)
  --online       also reach every issuer: discovery documents, keys, connections to configured token endpoints

Prints every problem as file:line:column with its mend. Exit code 0 when usable, 1 when not.
`;

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { ...configOption, online: { type: 'boolean', default: false } } });
  const file = requireConfig(values.config);
  const log = createLog({ level: 'silent' });
  const world = { clock: systemClock, log, env: process.env };
  const loaded = await loadConfig({ file, env: process.env, inspect: createInspect(world) });
  const revocations = await openRevocations({ loaded, ...world });
  const gate = compileGate(loaded, world);
  try {
    const { length: count } = gate.routes;
    console.log(`${file}: ${count === 1 ? '1 route' : `${count} routes`}, policy ${gate.permit.version}`);
    for (const option of insecureOptions(gate.config)) console.log(`  unsafe: ${option}`);
    if (revocations.status() !== undefined) console.log(`  ${revocations.entries().length} revocations in force`);
    return values.online ? await probe(gate) : 0;
  } finally {
    await gate.closeNow();
    revocations.close();
  }
}

async function probe(gate: Gate): Promise<number> {
  const { embedded } = gate.config.sts;
  const issuer = embedded && (await startIssuer(embedded));
  try {
    await Promise.all([gate.identity.warm(), gate.broker.warm()]);
    const network = compileNetwork(gate.config.network, ['network'], () => {});
    const exchanges = gate.broker.status();
    return report(gate, exchanges, await Promise.all(exchanges.map((exchange) => tried(exchange, network))));
  } finally {
    await issuer?.close();
  }
}

/** Its code is loaded only where one is configured: most of what this command would load. */
async function startIssuer(config: Config['sts']['embedded'] & object): Promise<EmbeddedIssuer | undefined> {
  const { startEmbeddedIssuer } = await import('../sts/issuer.ts');
  return startEmbeddedIssuer({ config, log: createLog({ level: 'silent' }) }).catch(inUse);
}

/** What is known of an exchange without one being made. */
async function tried(
  { kind, issuer, endpoint, ready, lastFailure }: ExchangeStatus,
  network: Network,
): Promise<Reached> {
  if (!ready) return { ok: false, said: lastFailure?.reason ?? 'not reached' };
  if (kind === 'static') return { ok: true, said: 'secret read' };
  if (endpoint === issuer) return { ok: true, said: 'metadata read' };
  return URL.canParse(endpoint) ? reach(network, endpoint) : { ok: true, said: 'was not asked' };
}

function report(gate: Gate, exchanges: readonly ExchangeStatus[], outcomes: readonly Reached[]): number {
  const trust = gate.identity.status();
  console.log(
    table([
      ...trust.map(({ trust: name, issuer: iss, ready, lastError }) => [
        mark(ready),
        `trust ${name}`,
        iss,
        lastError ?? 'keys loaded',
      ]),
      ...exchanges.map(({ name, endpoint }, at) => {
        const { ok, said } = outcomes[at] ?? { ok: false, said: '' };
        return [mark(ok), `exchange ${name}`, endpoint, said];
      }),
    ]),
  );
  return trust.every(({ ready }) => ready) && outcomes.every(({ ok }) => ok) ? 0 : 1;
}

/** A gate that is running already has the embedded issuer's port: then that one is probed. */
function inUse(failure: unknown): undefined {
  if (failure instanceof Error && 'code' in failure && failure.code === 'EADDRINUSE') return undefined;
  throw failure;
}

function mark(ready: boolean): string {
  return ready ? 'ok  ' : 'FAIL';
}

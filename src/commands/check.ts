// postern check: is this configuration usable? Compiles every part of it exactly as `serve` would, without listening.
// With --online also reaches every issuer: discovery, keys, token endpoints. Nothing is exchanged and no upstream is called.

import { parseArgs } from 'node:util';
import { systemClock } from '../base/ports.ts';
import { loadConfig } from '../config/load.ts';
import { startEmbeddedIssuer } from '../sts/issuer.ts';
import { createLog } from '../telemetry/log.ts';
import { compileGate, type Gate } from '../wiring/gate.ts';
import { insecureOptions } from '../wiring/reload.ts';
import { configOption, requireConfig } from './options.ts';
import { table } from './table.ts';

export const usage = `
usage: postern check --config FILE [--online]

  --config FILE  the configuration (default: $POSTERN_CONFIG, else postern.yaml)
  --online       also reach every issuer: discovery documents, keys, token endpoints

Prints every problem as file:line:column with its mend. Exit code 0 when usable, 1 when not.
`;

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { ...configOption, online: { type: 'boolean', default: false } } });
  const file = requireConfig(values.config);
  const log = createLog({ level: 'silent' });
  const loaded = await loadConfig({ file, env: process.env });
  const gate = compileGate(loaded, { clock: systemClock, log, env: process.env });
  try {
    console.log(`${file}: ${gate.routes.length} routes, policy ${gate.permit.version}`);
    for (const option of insecureOptions(gate.config)) console.log(`  unsafe: ${option}`);
    if (!values.online) return 0;
    return await probe(gate);
  } finally {
    await gate.closeNow();
  }
}

async function probe(gate: Gate): Promise<number> {
  const { embedded } = gate.config.sts;
  const issuer =
    embedded && (await startEmbeddedIssuer({ config: embedded, log: createLog({ level: 'silent' }) }).catch(inUse));
  try {
    await Promise.all([gate.identity.warm(), gate.broker.warm()]);
  } finally {
    await issuer?.close();
  }
  const trust = gate.identity.status();
  const exchanges = gate.broker.status();
  console.log(
    table([
      ...trust.map(({ trust: name, issuer: iss, ready, lastError }) => [
        mark(ready),
        `trust ${name}`,
        iss,
        lastError ?? 'keys loaded',
      ]),
      ...exchanges.map(({ name, endpoint, ready, lastFailure }) => [
        mark(ready),
        `exchange ${name}`,
        endpoint,
        ready ? 'reachable' : (lastFailure?.reason ?? 'not reached'),
      ]),
    ]),
  );
  return [...trust, ...exchanges].every(({ ready }) => ready) ? 0 : 1;
}

/** A gate that is running already has the embedded issuer's port: then that one is probed. */
function inUse(failure: unknown): undefined {
  if (failure instanceof Error && 'code' in failure && failure.code === 'EADDRINUSE') return undefined;
  throw failure;
}

function mark(ready: boolean): string {
  return ready ? 'ok  ' : 'FAIL';
}

// postern serve: runs the gate until it is told to stop. SIGTERM and SIGINT drain, a second one stops at once; SIGHUP reloads.
// The banner goes to standard error, since standard output may carry the audit records.

import { parseArgs } from 'node:util';
import { type App, startApp } from '../app.ts';
import { collectBuffersEarly } from '../base/buffers.ts';
import { systemClock } from '../base/ports.ts';
import { endSmallStart } from '../base/small-start.ts';
import { createLog } from '../telemetry/log.ts';
import { banner } from './banner.ts';
import { configOption, logLevelOption, readLogLevel, requireConfig } from './options.ts';
import { onStopSignal, stopSignal } from './signals.ts';

export const usage = `
usage: postern serve --config FILE [--log-level LEVEL] [--no-watch]

  --config FILE      the configuration (default: $POSTERN_CONFIG, else postern.yaml)
  --log-level LEVEL  debug, info, warn, error or silent (default: info), to standard error
  --no-watch         do not reload when the file changes; SIGHUP still reloads

Audit records go to standard output unless \`audit:\` names a file.
`;

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { ...configOption, ...logLevelOption, 'no-watch': { type: 'boolean', default: false } },
  });
  collectBuffersEarly(process.versions.v8);
  const log = createLog({ level: readLogLevel(values['log-level']) });
  const app = await startApp({
    configFile: requireConfig(values.config),
    clock: systemClock,
    log,
    env: process.env,
    watch: !values['no-watch'],
  });
  endSmallStart(process.versions.v8);
  process.on('SIGHUP', () => {
    app.reload().catch((failure: unknown) => {
      log.error({ problem: failure instanceof Error ? failure.message : 'unknown' }, 'configuration kept');
    });
  });
  const stopped = stopSignal();
  // Last: who reads it may send a signal at once.
  process.stderr.write(banner(app));
  await stopped;
  return stop(app);
}

/** npm and the terminal may deliver one signal twice, this close together in milliseconds; only a later one means "at once". */
const sameSignalMs = 500;

async function stop(app: App): Promise<never> {
  process.stderr.write('\nDraining; once more to stop at once.\n');
  setTimeout(() => onStopSignal(() => process.exit(1)), sameSignalMs).unref();
  await app.stop();
  process.stderr.write('Stopped.\n');
  // Everything is flushed; an exporter may still be waiting to retry a collector that is gone.
  process.exit(0);
}

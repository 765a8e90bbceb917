// Options several commands share, read in one way.
// Must never take a secret: command lines are visible to every process on the machine.

import { existsSync } from 'node:fs';
import { type LogLevel, logLevels } from '../telemetry/log.ts';
import { UsageError } from './failure.ts';

export const configOption = { config: { type: 'string', short: 'c' } } as const;
export const logLevelOption = { 'log-level': { type: 'string', default: 'info' } } as const;

/** The configuration file named by the option, else by POSTERN_CONFIG, else ./postern.yaml. @throws UsageError when absent. */
export function requireConfig(named: string | undefined): string {
  const file = named ?? process.env['POSTERN_CONFIG'] ?? 'postern.yaml';
  if (existsSync(file)) return file;
  throw new UsageError(`there is no configuration at ${file}; name one with --config, such as config/quickstart.yaml`);
}

/** @throws UsageError */
export function readLogLevel(text: string): LogLevel {
  const level = logLevels.find((known) => known === text);
  if (level === undefined) throw new UsageError(`"${text}" is no log level; use one of ${logLevels.join(', ')}`);
  return level;
}

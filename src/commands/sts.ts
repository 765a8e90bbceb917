// postern sts: runs only the embedded issuer of a configuration, so that several gates on one machine can share it.
// For trying things out and for tests; production has an issuer of its own.

import { parseArgs } from 'node:util';
import { loadConfig } from '../config/load.ts';
import { createLog } from '../telemetry/log.ts';
import { CommandError } from './failure.ts';
import { configOption, logLevelOption, readLogLevel, requireConfig } from './options.ts';
import { stopSignal } from './signals.ts';

export const usage = `
usage: postern sts --config FILE [--log-level LEVEL]

  --config FILE      configuration with an \`sts.embedded\` section (default: $POSTERN_CONFIG, else postern.yaml)
  --log-level LEVEL  debug, info, warn, error or silent (default: info)
`;

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { ...configOption, ...logLevelOption } });
  const file = requireConfig(values.config);
  const { config } = await loadConfig({ file, env: process.env });
  if (config.sts.embedded === undefined) throw new CommandError(`${file} has no embedded issuer (sts.embedded)`);
  const log = createLog({ level: readLogLevel(values['log-level']) });
  const { startEmbeddedIssuer } = await import('../sts/issuer.ts');
  const issuer = await startEmbeddedIssuer({ config: config.sts.embedded, log });
  const stopped = stopSignal();
  console.log(
    `issuer          ${issuer.issuer}\ntoken endpoint  ${issuer.tokenEndpoint}\nkeys            ${issuer.jwksUri}`,
  );
  await stopped;
  await issuer.close();
  return 0;
}

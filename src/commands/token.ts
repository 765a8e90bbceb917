// postern token: has the running embedded issuer mint a token, for trying things out. Prints the token and nothing else,
// so that it can stand inside `$(...)`. Works only where the configuration says `insecure_mint: true`.

import { parseArgs } from 'node:util';
import * as z from 'zod';
import { loadConfig } from '../config/load.ts';
import { askJson } from './ask.ts';
import { CommandError, UsageError } from './failure.ts';
import { configOption } from './options.ts';

export const usage = `
usage: postern token --sub NAME [options]

  --sub NAME       who the token is for, such as user:alice or agent:planner
  --workload       it is a workload's own token (default: a user's)
  --for ACTOR      whom a user's token may be used by: ACTOR is put into \`aud\` and \`may_act\`
  --audience NAME  audience (repeatable; default: postern)
  --scope SCOPES   scopes, separated by spaces
  --ttl SECONDS    lifetime (default: the issuer's)
  --config FILE    configuration whose issuer is asked (default: $POSTERN_CONFIG, else config/quickstart.yaml)

The gate has to be running: tokens are made by its embedded issuer.
`;

const answerSchema = z.object({ access_token: z.string() });

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      ...configOption,
      sub: { type: 'string' },
      workload: { type: 'boolean', default: false },
      for: { type: 'string' },
      audience: { type: 'string', multiple: true },
      scope: { type: 'string' },
      ttl: { type: 'string' },
    },
  });
  if (values.sub === undefined) throw new UsageError('--sub is missing: who is the token for?');

  const audience = [...(values.audience ?? ['postern']), ...(values.for === undefined ? [] : [values.for])];
  const issuer = await issuerOf(values.config ?? process.env['POSTERN_CONFIG'] ?? 'config/quickstart.yaml');
  const token = await mint(issuer, {
    sub: values.sub,
    kind: values.workload ? 'workload' : 'user',
    audience,
    ...(values.scope === undefined ? {} : { scope: values.scope }),
    ...(values.ttl === undefined ? {} : { ttl: readSeconds(values.ttl) }),
    ...(values.for === undefined ? {} : { may_act: { sub: values.for } }),
  });
  process.stdout.write(`${token}\n`);
  return 0;
}

async function issuerOf(file: string): Promise<string> {
  const { config } = await loadConfig({ file, env: process.env });
  const { embedded } = config.sts;
  if (embedded === undefined) throw new CommandError(`${file} has no embedded issuer (sts.embedded)`);
  if (!embedded.insecure_mint) {
    throw new CommandError(`the embedded issuer of ${file} mints no tokens; \`insecure_mint: true\` allows it`);
  }
  return embedded.issuer ?? `http://${embedded.listen}`;
}

/** @throws UsageError */
function readSeconds(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new UsageError(`--ttl is no number of seconds: ${text}`);
}

async function mint(issuer: string, claims: object): Promise<string> {
  const answer = await askJson(`${issuer}/postern/mint`, claims).catch((cause: unknown) => {
    throw new CommandError(`no issuer answers at ${issuer}; is the gate running? (npm start)`, { cause });
  });
  if (answer === undefined)
    throw new CommandError(`what answers at ${issuer} is no embedded issuer; is another server there?`);
  const minted = answerSchema.safeParse(answer);
  if (minted.success) return minted.data.access_token;
  throw new CommandError(`the issuer refused: ${JSON.stringify(answer).slice(0, 200)}`);
}

// postern explain: which route, rule, exchange and placement would apply to a request, and why, step by step. Runs the very
// stages `serve` runs, up to the exchange, which is only planned: no upstream is called and no token is exchanged.
// Issuers' public keys are fetched, since without them no token can be believed.

import { parseArgs } from 'node:util';
import { systemClock } from '../base/ports.ts';
import { readTextFileSync } from '../base/read-file.ts';
import { loadConfig } from '../config/load.ts';
import { createLog } from '../telemetry/log.ts';
import { explainCall } from '../wiring/explain.ts';
import { compileGate } from '../wiring/gate.ts';
import { openRevocations } from '../wiring/revocations.ts';
import { printExplanation } from './explanation.ts';
import { UsageError } from './failure.ts';
import { configOption, requireConfig } from './options.ts';

export const usage = `
usage: postern explain [METHOD] PATH [options]

  -H, --header 'Name: value'  a header of the request (repeatable)
  --token TOKEN|@FILE         the caller's token, as \`Authorization: Bearer\`
  --subject TOKEN|@FILE       the user's token, as \`Postern-Subject-Token\`
  -d, --data BODY|@FILE       the body
  --config FILE               the configuration (default: $POSTERN_CONFIG, else postern.yaml)
  --json                      for machines

What stands on a command line can be read by every process of the machine: give tokens that matter as @FILE.

Example:
  postern explain POST /openai/v1/chat/completions --token @agent.jwt --subject @user.jwt \\
    -H 'content-type: application/json' -d '{"model":"gpt-5","messages":[]}'

Exit code 0 when the call would be permitted, 1 when it would be refused.
`;

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      ...configOption,
      header: { type: 'string', short: 'H', multiple: true, default: [] },
      token: { type: 'string' },
      subject: { type: 'string' },
      data: { type: 'string', short: 'd' },
      json: { type: 'boolean', default: false },
    },
  });
  const [path, named, ...more] = positionals.toReversed();
  if (path === undefined) throw new UsageError('PATH is missing: which request?');
  if (more.length > 0) throw new UsageError(`"${positionals.join(' ')}" is more than METHOD and PATH`);
  const body = values.data === undefined ? undefined : Buffer.from(valueOrFile(values.data));
  const method = named ?? (body === undefined ? 'GET' : 'POST');
  const headers = values.header.flatMap(splitHeader);
  if (values.token !== undefined) headers.push('authorization', `Bearer ${valueOrFile(values.token).trim()}`);
  if (values.subject !== undefined) headers.push('postern-subject-token', valueOrFile(values.subject).trim());

  const loaded = await loadConfig({ file: requireConfig(values.config), env: process.env });
  const world = { clock: systemClock, log: createLog({ level: 'silent' }), env: process.env };
  const revocations = await openRevocations({ loaded, ...world });
  const gate = compileGate(loaded, world, { revocations });
  try {
    const explanation = await explainCall(
      gate,
      { method: method.toUpperCase(), target: path, headers, body },
      world.clock,
    );
    console.log(values.json ? JSON.stringify(explanation, null, 2) : printExplanation(explanation));
    return explanation.refusal === undefined ? 0 : 1;
  } finally {
    await gate.closeNow();
    revocations.close();
  }
}

/** Of a token or a body in a file: as much as a gate reads of a body. Stops a device from filling memory. */
const maxFileBytes = 16 * 1_048_576;

function valueOrFile(text: string): string {
  if (!text.startsWith('@')) return text;
  try {
    return readTextFileSync(text.slice(1), maxFileBytes);
  } catch {
    throw new UsageError(`cannot read the file ${text.slice(1)}`);
  }
}

function splitHeader(line: string): string[] {
  const colon = line.indexOf(':');
  if (colon < 1) throw new UsageError(`"${line}" is no header; write 'Name: value'`);
  return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
}

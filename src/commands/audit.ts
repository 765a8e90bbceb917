// postern audit: checks, shows and follows audit logs. Reads files only: needs no gate, no configuration and no private key,
// so that it can run where the logs are kept, by somebody who is not to touch the gate.

import { UsageError } from './failure.ts';
import type { Command } from './index.ts';

export const usage = `
usage: postern audit verify FILE|DIR... [--key PUBLIC.pem] [--head HASH] [--expect-seq N] [--closed] [--json]
       postern audit show FILE|DIR... [--trace ID] [--root ID] [--subject NAME] [--actor NAME]
                                      [--since TIME] [--until TIME] [--json]
       postern audit tail FILE [--lines N] [--json]

verify  finds what was changed, removed, moved, copied or cut off, and says where
  --key FILE        public key of the gate, PEM or JWK (repeatable): also checks who wrote the log
  --head HASH       digest of a line that has to be there: a head that was kept elsewhere (SEQ:HASH does too)
  --expect-seq N    number of a line that has to be there
  --closed          the gate was stopped in order: the log has to end that way

show    tells who did what on whose behalf, as a tree of the delegation
  --trace ID        calls of one trace
  --root ID         calls of one delegation, over all its traces
  --subject NAME    calls on behalf of this party, by its name or pseudonym
  --actor NAME      calls that this party made or was part of
  --since, --until  a time such as 2026-11-21T12:00:00Z, or how long ago: 15m, 2h, 7d

tail    follows a log as it is written, over rotations, until Ctrl-C
  --lines N         lines of the past to begin with (default: 10)

DIR stands for all its .jsonl files. Exit code of verify: 0 when nothing was found, 1 otherwise.
`;

const actions: Readonly<Record<string, () => Promise<Pick<Command, 'run'>>>> = {
  verify: () => import('./audit-verify.ts'),
  show: () => import('./audit-show.ts'),
  tail: () => import('./audit-tail.ts'),
};

export async function run([name = '', ...args]: string[]): Promise<number> {
  const load = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (load === undefined) throw new UsageError('say what to do with the audit log: verify, show or tail');
  const action = await load();
  return action.run(args);
}

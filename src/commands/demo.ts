// postern demo: stories with real SDKs and real servers, each fact checked. Lives in the repository, not in the package, since it
// needs the SDKs it shows; this command finds it there.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageFolder } from '../base/package-folder.ts';
import { CommandError } from './failure.ts';

export const usage = `
usage: postern demo [--scenario hops|chain|federation] [--json] [--keep]

  --scenario hops        a user asks agent planner; planner calls a model, then agent researcher; researcher queries
                         retrieval and calls a tool. Every call goes through the gate (the default)
  --scenario chain       user, planner, researcher and tool, each agent behind a sidecar and holding nothing but handles;
                         then attacks on that chain, made for real: spliced, truncated, widened, stolen, replayed, forged,
                         edited
  --scenario federation  one call to every vendor through its own SDK, with a credential that the vendor itself gives for it:
                         kind, lifetime, and who acted for whom in trace and audit
  --json                 prints the facts for machines
  --keep                 leaves everything running afterwards, until Ctrl-C (not chain)

Exits with 1 when any fact does not hold.
`;

interface Demo {
  runDemo(args: string[]): Promise<number>;
}

export async function run(args: string[]): Promise<number> {
  const place = pathToFileURL(join(packageFolder, 'demo', 'main.ts'));
  if (!existsSync(place)) {
    throw new CommandError('the demo needs the repository: clone it, then `npm ci && npm run demo`');
  }
  const demo: Demo = await import(place.href);
  return demo.runDemo(args);
}

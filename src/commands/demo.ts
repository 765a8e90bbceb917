// postern demo: the whole story with real SDKs and real servers. Lives in the repository, not in the package, since it
// needs the SDKs it shows; this command finds it there.

import { existsSync } from 'node:fs';
import { CommandError } from './failure.ts';

export const usage = `
usage: postern demo [--json] [--keep]

  --json  prints the facts of every hop for machines
  --keep  leaves everything running afterwards, until Ctrl-C

A user asks agent planner; planner calls a model, then agent researcher; researcher queries retrieval and calls a tool.
Every call goes through the gate. Exits with 1 when any fact does not hold.
`;

interface Demo {
  runDemo(args: string[]): Promise<number>;
}

export async function run(args: string[]): Promise<number> {
  const place = new URL('../../demo/main.ts', import.meta.url);
  if (!existsSync(place)) {
    throw new CommandError('the demo needs the repository: clone it, then `npm ci && npm run demo`');
  }
  const demo: Demo = await import(place.href);
  return demo.runDemo(args);
}

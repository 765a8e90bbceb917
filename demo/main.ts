// The demo's scenarios, by name. Each tells a story over real servers and fails when any fact of it does not hold.

import { UsageError } from '../src/commands/failure.ts';

const scenarios: ReadonlyMap<string, () => Promise<(args: string[]) => Promise<number>>> = new Map([
  ['hops', async () => (await import('./run-hops.ts')).runHops],
  ['chain', async () => (await import('./chain/main.ts')).runChain],
  ['federation', async () => (await import('./federation/main.ts')).runFederation],
]);

/**
 * @param args `--scenario NAME` (or `--scenario=NAME`) and what that scenario takes
 * @returns the exit code: 0 when every fact holds
 * @throws UsageError for a scenario there is not
 */
export async function runDemo(args: string[]): Promise<number> {
  const { name, rest } = takeScenario(args);
  const load = scenarios.get(name);
  if (load === undefined) {
    throw new UsageError(`there is no scenario "${name}"; there are: ${[...scenarios.keys()].join(', ')}`);
  }
  const run = await load();
  return run(rest);
}

/** The scenario's own options are for the scenario to read. */
function takeScenario(args: readonly string[]): { readonly name: string; readonly rest: string[] } {
  const at = args.findIndex((arg) => arg === '--scenario' || arg.startsWith('--scenario='));
  const given = args[at];
  if (given === undefined) return { name: 'hops', rest: [...args] };
  const joined = given.startsWith('--scenario=');
  const name = joined ? given.slice('--scenario='.length) : (args[at + 1] ?? '');
  return { name, rest: args.toSpliced(at, joined ? 1 : 2) };
}

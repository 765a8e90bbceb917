// Asks the gate of a configuration, at its admin listener, whether it has taken a revocation. A courtesy: the list is written
// already, and a gate that does not answer here may follow it all the same.

import { setTimeout } from 'node:timers/promises';
import * as z from 'zod';
import { systemClock } from '../base/ports.ts';
import { askJson } from './ask.ts';
import type { ListPlace } from './revoke-place.ts';

/** How long a gate is given to notice, and between two questions, in milliseconds. */
const patienceMs = 5_000;
const betweenMs = 100;

const pageSchema = z.object({ file: z.string().optional(), entries: z.array(z.object({ id: z.string() })).optional() });

export interface Confirmation {
  /** The gate that has it. */
  readonly at: string | undefined;
  readonly text: string;
}

/** @param wanted whether the entry should be in force there, or not any more */
export async function confirm({ config, file }: ListPlace, id: string, wanted: boolean): Promise<Confirmation> {
  const unknown = { at: undefined, text: 'gates that follow the list take it within seconds' };
  const url = adminUrl(config);
  if (url === undefined) return unknown;
  const end = systemClock.now() + patienceMs;
  while (systemClock.now() < end) {
    const page = await ask(url);
    if (page?.file !== file) return { ...unknown, text: `no gate with this list answers at ${url}; ${unknown.text}` };
    if (page.entries?.some((entry) => entry.id === id) === wanted) {
      return { at: url, text: wanted ? `in force at the gate on ${url}` : `ended at the gate on ${url}` };
    }
    await setTimeout(betweenMs);
  }
  return { at: undefined, text: `the gate on ${url} has not taken it yet: see its log and ${url}/readyz` };
}

/** Whether the gate has it in force, whatever the list says. */
export async function isHeld({ config, file }: ListPlace, id: string): Promise<boolean> {
  const url = adminUrl(config);
  const page = url === undefined ? undefined : await ask(url);
  return page?.file === file && page.entries?.some((entry) => entry.id === id) === true;
}

/** Addresses that stand for all of a machine's, and the one of them to ask at. */
const everyInterface: ReadonlyMap<string, string> = new Map([
  ['0.0.0.0', '127.0.0.1'],
  ['::', '::1'],
]);

function adminUrl(config: ListPlace['config']): string | undefined {
  if (config?.listen.admin.kind !== 'tcp') return undefined;
  const { host, port } = config.listen.admin;
  const called = everyInterface.get(host) ?? host;
  return `http://${called.includes(':') ? `[${called}]` : called}:${port}`;
}

async function ask(url: string): Promise<z.output<typeof pageSchema> | undefined> {
  // Nobody there is like somebody else there: no gate with this list.
  const page = await askJson(`${url}/revocations`).catch(() => undefined);
  return pageSchema.safeParse(page).data;
}

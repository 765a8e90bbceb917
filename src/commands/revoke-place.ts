// Where the list of revocations stands, and what the configuration around it says of the names somebody wants to revoke.
// Must never keep a revocation from being written because of what only looks odd: odd names are told.

import { userInfo } from 'node:os';
import { resolve } from 'node:path';
import { nearest } from '../base/nearest.ts';
import type { Clock } from '../base/ports.ts';
import { ConfigError, loadConfig } from '../config/load.ts';
import { type Config, inboundRoute, routeId } from '../config/schema.ts';
import { anyIssuer, type Entry } from '../revocation/entry.ts';
import { CommandError, UsageError } from './failure.ts';
import { requireConfig } from './options.ts';
import { instantOf } from './time.ts';

export interface ListPlace {
  /** Absolute. */
  readonly file: string;
  /** undefined where only the list was named. */
  readonly config: Config | undefined;
  /** What names it on the command line. */
  readonly option: string;
}

/** @throws UsageError, CommandError for a configuration that cannot be used or names no list */
export async function placeOfList(named: { readonly config?: string; readonly file?: string }): Promise<ListPlace> {
  if (named.file !== undefined) {
    if (named.config !== undefined) throw new UsageError('--config or --file, not both');
    return { file: resolve(named.file), config: undefined, option: `--file ${named.file}` };
  }
  const configFile = requireConfig(named.config);
  const loaded = await loadConfig({ file: configFile, env: process.env }).catch((failure: unknown) => {
    if (!(failure instanceof ConfigError)) throw failure;
    // The gate runs with what it read before, or with variables that this shell does not have.
    const mend = 'nothing was revoked or lifted; the list itself can be named: postern revoke --file LIST';
    throw new CommandError(`cannot use ${configFile}\n${failure.message}\n\n${mend}`, { cause: failure });
  });
  const { file } = loaded.config.revocation ?? {};
  if (file !== undefined) return { file, config: loaded.config, option: `--config ${configFile}` };
  throw new CommandError(
    `${configFile} names no list; add it and start the gate again, since the list is opened at the start:\n\n  revocation: { file: revoked.jsonl }\n`,
  );
}

/**
 * What is odd about the names of an entry: it is revoked all the same. Only a subject of an issuer that nobody trusts has to be
 * asked for with `--force`: no call could be on its behalf, so whoever was meant would go on.
 * @throws CommandError
 */
export function checkNames({ config }: ListPlace, entry: Entry, force: boolean): readonly string[] {
  if (config === undefined) return [];
  if (entry.kind === 'route') {
    const ids = [inboundRoute, ...config.routes.flatMap((route) => routeId(route) ?? [])];
    return unknown('route', entry.value, ids);
  }
  if (!('party' in entry) || entry.party.iss === anyIssuer) return [];
  const issuers = config.trust.map(({ issuer }) => issuer);
  const notes = unknown('trusted issuer', entry.party.iss, issuers);
  if (notes.length === 0 || force || entry.kind !== 'subject') return notes;
  const trusted = issuers.map((issuer) => `\n  ${issuer}`).join('');
  throw new CommandError(
    `${notes[0]?.replace(/^note: /, '')}\ntrusted are:${trusted}\nNothing was revoked; --force does it all the same.`,
  );
}

function unknown(what: string, name: string, known: readonly string[]): readonly string[] {
  if (known.includes(name)) return [];
  const near = nearest(name, known);
  return [
    `note: no ${what} is ${name}, so this may stop nothing${near === undefined ? '' : `; did you mean ${near}?`}`,
  ];
}

/** @returns ISO 8601 in UTC. @throws UsageError */
export function readInstant(text: string, clock: Clock): string {
  const at = instantOf(text, 'ahead', clock);
  if (at !== undefined) return at;
  throw new UsageError(`"${text}" is no time; write 2026-11-22T18:00:00Z, or 2h for two hours from now`);
}

/** As {@link readInstant}, for an end: one that is over would make an entry that is never in force. */
export function readEnd(text: string, clock: Clock): string {
  const end = readInstant(text, clock);
  if (Date.parse(end) <= clock.now()) throw new UsageError(`--until is in the past: ${end}`);
  return end;
}

/** Who runs this; undefined where the system has no name for it. */
export function operator(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

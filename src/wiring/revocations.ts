// The list of what is revoked, opened and followed for as long as the gate runs, whatever is reloaded meanwhile; and what is
// told of it: one audit record for each entry that comes, metrics, readiness, a page. Users are named as the audit log names
// them. Must never be missing where the configuration names one: without its list a gate does not start.

import { errorCode } from '../base/error-code.ts';
import type { Refusal } from '../base/errors.ts';
import { idDigest, isIdDigest } from '../base/id-digest.ts';
import type { Clock, Log } from '../base/ports.ts';
import type { KnownCall } from '../call.ts';
import { createReport, type LoadedConfig } from '../config/load.ts';
import type { Enforcer, Revoked } from '../revocation/enforcement.ts';
import { anyIssuer, type Entry } from '../revocation/entry.ts';
import { createFollower, type Follower, type ListStatus } from '../revocation/follow.ts';
import { readList } from '../revocation/list-file.ts';
import type { Reading } from '../revocation/reading.ts';
import { createRegistry, type RegistryStats } from '../revocation/registry.ts';
import type { Pseudonym } from '../telemetry/pseudonym.ts';
import { watchFiles } from './watch.ts';

/** How often the file is looked at, in milliseconds: not every file system tells when a file has changed. */
const lookEveryMs = 2_000;

/** Entries a page shows, newest first; it says how many there are in all. */
const maxShown = 1_000;

export interface Revocations {
  /** Why this call may not go on, as far as it came. */
  refusalOf(call: KnownCall): Refusal | undefined;
  attach(enforcer: Enforcer): () => void;
  /** Reads the list now. Resolves when what it says is in force. */
  refresh(): Promise<void>;
  /** undefined where no list is configured. */
  status(): ListStatus | undefined;
  stats(): RegistryStats;
  /** All that is in force, for a thread that begins later: plain data. */
  entries(): readonly Entry[];
  /** What may be shown to whoever reaches the admin listener: no party. */
  page(): object;
  /** From now on what comes is recorded. */
  recordIn(recorder: Recorder): void;
  close(): void;
}

export interface Recorder {
  event(name: string, facts: object): void;
  /** How users are named, here and in every other record. */
  readonly form: 'raw' | 'pseudonymous' | 'omit';
  readonly pseudonym: Pseudonym;
}

export interface RevocationsOptions {
  readonly loaded: LoadedConfig;
  readonly clock: Clock;
  readonly log: Log;
  /** What is in force in this gate already, whatever the list says by now; the list then need not be there. */
  readonly inForce?: readonly Entry[] | undefined;
}

/** @throws ConfigError for a list that is not there, or has lines that are not understood */
export async function openRevocations({ loaded, clock, log, inForce }: RevocationsOptions): Promise<Revocations> {
  const registry = createRegistry(clock);
  const { file } = loaded.config.revocation ?? {};
  let recorder: Recorder | undefined;
  let told = 0;

  const tell = {
    revoked(revoked: Revoked) {
      if (recorder === undefined) return;
      log.warn({ revocation: revoked.entry.id, kind: revoked.entry.kind, ...revoked.ended }, 'revoked');
      recorder.event('postern.token.revoked', { ...factsOf(revoked.entry, recorder), ended: revoked.ended });
    },
    lifted(entry: Entry) {
      log.warn({ revocation: entry.id, kind: entry.kind }, 'revocation lifted');
      recorder?.event('postern.revocation.lifted', factsOf(entry, recorder));
    },
  };

  function recordList(): void {
    const problems = follower?.status().problemCount ?? 0;
    told = problems;
    recorder?.event('postern.revocation.list', { entries: registry.entries().length, problems });
  }

  async function taken(reading: Promise<void> | undefined): Promise<void> {
    await reading;
    if (follower !== undefined && follower.status().problemCount !== told) recordList();
  }

  const refresh = () => taken(follower?.refresh());

  /** Nobody waits for it. */
  function look(): void {
    taken(follower?.look()).catch((failure: unknown) => log.error({ err: failure }, 'revocation list: not recorded'));
  }

  let follower: Follower | undefined;
  if (file !== undefined) {
    if (inForce === undefined) await requireList(file, loaded);
    else await registry.apply(readingOf(inForce), tell);
    follower = createFollower({ file, registry, tell, log });
    await follower.refresh();
    if (inForce === undefined) refuseBroken(follower.status(), loaded);
    told = follower.status().problemCount;
  }
  const watching = file === undefined ? undefined : watchFiles([file], look);
  const looking = file === undefined ? undefined : setInterval(look, lookEveryMs).unref();

  return {
    refusalOf: registry.refusalOf,
    attach: registry.attach,
    refresh,
    status: () => follower?.status(),
    stats: registry.stats,
    entries: registry.entries,
    page() {
      const all = registry.entries();
      return { ...follower?.status(), total: all.length, entries: all.slice(-maxShown).reverse().map(shown) };
    },
    recordIn(given) {
      recorder = given;
      if (follower !== undefined) recordList();
    },
    close() {
      watching?.close();
      clearInterval(looking);
    },
  };
}

function readingOf(entries: readonly Entry[]): Reading {
  const inForce = new Map(entries.map((entry) => [entry.id, entry]));
  return { inForce, lifted: new Set(), problems: [], problemCount: 0 };
}

async function requireList(file: string, { locate }: LoadedConfig): Promise<void> {
  const { report, throwIfAny } = createReport({ locate });
  await readList(file).catch((failure: unknown) => {
    const what = `names a list that cannot be read (${errorCode(failure)}): what it revokes would not be in force`;
    report({ path: ['revocation', 'file'], what, mend: `make it, empty where nothing is revoked: touch ${file}` });
  });
  throwIfAny();
}

/** While a gate runs nothing a line breaks takes a revocation back; at a start there is nothing yet that it could not take. */
function refuseBroken({ file, problems }: ListStatus, { locate }: LoadedConfig): void {
  const { report, throwIfAny } = createReport({ locate });
  for (const problem of problems) {
    const what = `names a list with a line that would not be in force: ${file}:${problem.line} ${problem.what}`;
    report({ path: ['revocation', 'file'], what, mend: 'mend the line, or remove it where it revokes nothing' });
  }
  throwIfAny();
}

/** Without the party: the listener that shows it asks nobody who they are. */
function shown(entry: Entry): object {
  const { id, kind, at, until, reason, by } = entry;
  const value = 'value' in entry ? { [kind]: shownValue(entry) } : { issued_before: iso(entry.issuedBefore) };
  return { id, kind, ...value, at, until: iso(until), reason, by };
}

function factsOf(entry: Entry, recorder: Recorder): object {
  return { ...shown(entry), ...('party' in entry ? { party: partyOf(entry.party, recorder) } : {}) };
}

/** Whether it is a user is not said in the list, so each is taken for one. */
function partyOf({ iss, sub }: { iss: string; sub: string }, { form, pseudonym }: Recorder): object | undefined {
  if (form === 'raw') return { iss, sub };
  if (form === 'omit' || iss === anyIssuer) return undefined;
  return { id: `user:${pseudonym({ kind: 'user', iss, sub, claims: {} })}` };
}

/** A token's id as records and spans show it. */
function shownValue({ kind, value }: { readonly kind: string; readonly value: string }): string {
  return kind !== 'token' || isIdDigest(value) ? value : idDigest(value);
}

function iso(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

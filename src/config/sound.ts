// What is left of a configuration when everything that has a problem is taken away, so that the rest can still be checked: who
// mends one mistake should not find the next one only then. Nothing of it is ever put in force.

import type { Problem } from '../base/problem.ts';
import { checkSchema, type SchemaProblem } from './issues.ts';
import { type Config, lenientSchema } from './schema.ts';

type ConfigPath = Problem['path'];

/** Each round takes away what the last one found: some problems only show where the value has the right shape. */
const maxRounds = 4;

/** Sections whose entries stand for themselves: one that is broken takes nothing else with it. */
const listed: ReadonlySet<string> = new Set(['trust', 'routes', 'exchanges', 'subject_sources']);

/** Problems that may be nothing but the gap that a broken section leaves: by section, the paths they are told at. */
const followOn: readonly (readonly [section: string, path: RegExp])[] = [
  ['trust', /^(trust\.\d+\.callers|inbound\.trust|identity\.(?:token_file|spiffe))/],
  ['identity', /^(identity|inbound|routes\.\d+\.limits\.chain_depth)/],
  ['inbound', /^(workers|routes\.\d+\.(subject_from|name))/],
  ['listen', /^(workers|routes\.\d+\.subject_from)/],
  ['presets', /^routes\.\d+\.preset/],
  ['telemetry', /^audit\.otlp/],
  ['workers', /^listen\.outbound/],
  ['exchanges', /^exchanges\.[^.]+\.steps/],
  ['subject_sources', /^exchanges\..*subject_source$/],
];

/** Options whose problems stand for themselves, whatever else is missing in their entry. */
const telling: ReadonlySet<unknown> = new Set(['allow', 'scopes_by', 'exchange', 'preset', 'workload_when']);

export interface SoundPart {
  readonly config: Config;
  /** Problems that only showed once others were taken away. */
  readonly found: readonly SchemaProblem[];
  /** Names of exchanges that were taken away: routes may refer to them. */
  readonly withoutExchanges: ReadonlySet<string>;
  /** The path in the file of a path in `config`: entries of lists have moved. */
  original(path: ConfigPath): ConfigPath;
  /** Whether a problem at this path of the file may come from what was taken away. */
  follows(path: ConfigPath): boolean;
}

/**
 * @param value as parsed from YAML
 * @param paths of everything that has a problem
 * @returns undefined when nothing usable is left
 */
export function soundPart(value: object, paths: readonly ConfigPath[]): SoundPart | undefined {
  const taken: Taken = { sections: new Set(), entries: new Map(), options: new Map() };
  takeAway(taken, paths);
  const found: SchemaProblem[] = [];

  for (let round = 0; round < maxRounds; round += 1) {
    const kept = new Map<string, readonly number[]>();
    const checked = checkSchema(lenientSchema, without(value, taken, kept));
    const original = (path: ConfigPath) => moveBack(path, kept);
    if ('config' in checked) {
      return {
        config: checked.config,
        found,
        withoutExchanges: new Set([...(taken.entries.get('exchanges')?.keys() ?? [])].map(String)),
        original,
        follows: (path) => follows(path, taken),
      };
    }
    const more = checked.problems.map((problem) => ({ ...problem, path: original(problem.path) }));
    found.push(...more.filter(({ path }) => !follows(path, taken)));
    takeAway(
      taken,
      more.map(({ path }) => path),
    );
  }
  return undefined;
}

/** What was taken away: whole sections; entries of the listed ones; single options of such entries, by entry. */
interface Taken {
  readonly sections: Set<string>;
  readonly entries: Map<string, Map<string | number, true>>;
  readonly options: Map<string, Map<string | number, Set<string | number>>>;
}

/** An option first; where its entry cannot do without, the entry. */
function takeAway({ sections, entries, options }: Taken, paths: readonly ConfigPath[]): void {
  const before = new Map([...options].map(([section, of]) => [section, new Set(of.keys())]));
  for (const [start, entry, option] of paths) {
    const section = String(start);
    if (entry === undefined || !listed.has(section)) {
      sections.add(section);
    } else if (option === undefined || before.get(section)?.has(entry)) {
      entries.set(section, (entries.get(section) ?? new Map<string | number, true>()).set(entry, true));
    } else {
      const of = options.get(section) ?? new Map<string | number, Set<string | number>>();
      options.set(section, of.set(entry, (of.get(entry) ?? new Set()).add(option)));
    }
  }
}

/** @param kept takes the former index of every entry of a list that is left */
function without(value: object, { sections, entries, options }: Taken, kept: Map<string, readonly number[]>): object {
  const left = Object.entries(value).filter(([section]) => !sections.has(section));
  return Object.fromEntries(left.map(([section, content]) => [section, sectionWithout(section, content)]));

  function sectionWithout(section: string, content: unknown): unknown {
    if (typeof content !== 'object' || content === null || !listed.has(section)) return content;
    const stays = (entry: string | number) => entries.get(section)?.has(entry) !== true;
    const entryOf = (entry: string | number, inner: unknown) => omit(inner, options.get(section)?.get(entry));
    if (!Array.isArray(content)) {
      const named = Object.entries(content).filter(([name]) => stays(name));
      return Object.fromEntries(named.map(([name, inner]) => [name, entryOf(name, inner)]));
    }
    const indexes = [...content.keys()].filter(stays);
    kept.set(section, indexes);
    return indexes.map((index) => entryOf(index, content[index]));
  }
}

function omit(entry: unknown, options: ReadonlySet<string | number> | undefined): unknown {
  if (options === undefined || typeof entry !== 'object' || entry === null || Array.isArray(entry)) return entry;
  return Object.fromEntries(Object.entries(entry).filter(([option]) => !options.has(option)));
}

function moveBack(path: ConfigPath, kept: ReadonlyMap<string, readonly number[]>): ConfigPath {
  const [section, index, ...rest] = path;
  const former = typeof index === 'number' ? kept.get(String(section))?.[index] : undefined;
  return section === undefined || former === undefined ? path : [section, former, ...rest];
}

function follows(path: ConfigPath, { sections, entries, options }: Taken): boolean {
  const [start, entry, option] = path;
  const section = String(start);
  if (sections.has(section)) return true;
  if (entry !== undefined && entries.get(section)?.has(entry)) return true;
  const gone = entry === undefined ? undefined : options.get(section)?.get(entry);
  if (gone !== undefined && (option === undefined || gone.has(option) || !telling.has(option))) return true;
  // One that is broken is known by name; of a section that is, no name is.
  if (sections.has('exchanges') && section === 'routes' && option === 'exchange') return true;
  const broken = (one: string) => sections.has(one) || entries.has(one) || options.has(one);
  return followOn.some(([one, at]) => broken(one) && at.test(path.join('.')));
}

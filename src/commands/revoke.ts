// postern revoke: takes access away at once, says what is taken away, and lifts it again. Writes one line to the list that
// gates follow; asks the gate of the configuration, where one answers, whether it has it.

import { parseArgs } from 'node:util';
import { type Clock, systemClock } from '../base/ports.ts';
import { type Entry, type Kind, partyKinds, readEntry, valueKinds, type WrittenLine } from '../revocation/entry.ts';
import { appendLine } from '../revocation/list-file.ts';
import { UsageError } from './failure.ts';
import { configOption } from './options.ts';
import { confirm, isHeld } from './revoke-confirm.ts';
import { describeEntry, findEntry, printList } from './revoke-list.ts';
import { checkNames, type ListPlace, operator, placeOfList, readEnd, readInstant } from './revoke-place.ts';

export const usage = `
usage: postern revoke [--config FILE | --file LIST] WHAT [options]
       postern revoke [--config FILE | --file LIST] --list [--json]
       postern revoke [--config FILE | --file LIST] --lift ID [--reason TEXT] [--by NAME]

WHAT is one of
  --subject ISS SUB   every call on behalf of this party
  --actor ISS SUB     every call that this party makes
  --member ISS SUB    every call with this party in its chain: as subject, as caller, or as an actor before
  --token ID          every call with this token: its \`jti\`, or its digest in audit records and spans
  --root ID           every hop of one delegation: \`root_id\` in audit records
  --route ID          every call on this route; "inbound" is the way in to the agent
ISS is an issuer exactly as in \`iss\`, or '*' for any.

  --issued-before T   with --subject or --member: only tokens issued before T; \`now\` signs out everywhere
  --until T           ends by itself: a time such as 2026-11-22T18:00:00Z, or how long from now: 30m, 2h, 7d
  --reason TEXT       why, and
  --by NAME           who (default: the user that runs this): told in the list and in the audit log
  --config FILE       configuration that names the list (default: $POSTERN_CONFIG, else postern.yaml)
  --file LIST         the list itself, where there is no configuration at hand
  --force             also a --subject of an issuer that the configuration does not trust
  --json              for machines

Gates that follow the list refuse such calls from then on, cut live streams and sockets, and forget credentials and handles.
`;

const name = { type: 'string' } as const;

export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      ...configOption,
      ...{ file: name, subject: name, actor: name, member: name, token: name, root: name, route: name },
      ...{ 'issued-before': name, until: name, reason: name, by: name, lift: name },
      list: { type: 'boolean', default: false },
      force: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  requireAlone(values, positionals);
  const place = await placeOfList(values);
  if (values.list) return printList(place.file, values.json);
  const facts = { reason: values.reason, by: values.by ?? operator() };
  if (values.lift !== undefined) return lift(place, values.lift, facts);
  const { 'issued-before': before, until, force, ...rest } = values;
  const line = {
    ...whatOf(rest, positionals),
    ...(before === undefined ? {} : { issued_before: readInstant(before, systemClock) }),
    ...(until === undefined ? {} : { until: readEnd(until, systemClock) }),
  };
  return revoke(place, stamped({ id: newId(), ...line, ...facts }, systemClock), { json: values.json, force });
}

async function revoke(
  place: ListPlace,
  line: WrittenLine,
  { json, force }: { readonly json: boolean; readonly force: boolean },
): Promise<number> {
  const read = readEntry(JSON.stringify(line));
  // The very reading a gate does: what it would not understand is not written.
  if (read.says !== 'revoked')
    throw new UsageError(`this ${read.says === 'nothing' ? read.problem : 'revokes nothing'}`);
  const { entry } = read;
  for (const note of checkNames(place, entry, force)) console.error(`postern: ${note}`);
  await appendLine(place.file, line);
  const inForce = await confirm(place, entry.id, true);
  if (json) console.log(JSON.stringify({ ...line, file: place.file, in_force_at: inForce.at ?? null }, null, 2));
  else console.log(told(entry, place, inForce.text));
  return 0;
}

function told(entry: Entry, { file, option }: ListPlace, inForce: string): string {
  return [
    `revoked ${entry.id}: ${describeEntry(entry)}`,
    `  ${inForce}`,
    `  list   ${file}`,
    `  see    postern revoke ${option} --list`,
    `  lift   postern revoke ${option} --lift ${entry.id}`,
  ].join('\n');
}

async function lift(place: ListPlace, id: string, facts: Pick<WrittenLine, 'reason' | 'by'>): Promise<number> {
  const what = await findEntry(place.file, id).then(describeEntry, async (failure: unknown) => {
    // A gate keeps what the list lost, until it is lifted.
    if (await isHeld(place, id)) return 'its line is not in the list any more';
    throw failure;
  });
  await appendLine(place.file, stamped({ lift: id, ...facts }, systemClock));
  const { text } = await confirm(place, id, false);
  console.log(`lifted ${id}: ${what}\n  ${text}`);
  return 0;
}

const alone = ['list', 'lift'] as const;

/** @throws UsageError for what would be left undone without a word */
function requireAlone(values: Readonly<Record<string, unknown>>, positionals: readonly string[]): void {
  const option = alone.find((one) => values[one] !== undefined && values[one] !== false);
  if (option === undefined) return;
  const other = ['lift', ...partyKinds, ...valueKinds, 'issued-before', 'until'].find(
    (one) => one !== option && values[one] !== undefined,
  );
  if (other !== undefined) throw new UsageError(`--${option} goes without --${other}`);
  if (positionals.length > 0) throw new UsageError(`"${positionals.join(' ')}" belongs to nothing`);
}

type Named = Readonly<Partial<Record<Kind, string>>>;

/** @throws UsageError unless exactly one thing is named, whole */
function whatOf(values: Named, positionals: readonly string[]): WrittenLine {
  const kinds = [...partyKinds, ...valueKinds].filter((kind) => values[kind] !== undefined);
  const [kind] = kinds;
  if (kind === undefined) throw new UsageError('say what to revoke, such as --subject ISS SUB, or ask with --list');
  if (kinds.length > 1) throw new UsageError(`one thing at a time: ${kinds.map((one) => `--${one}`).join(', ')}`);
  const value = values[kind] ?? '';
  const party = partyKinds.find((one) => one === kind);
  const [sub, ...more] = positionals;
  if (party === undefined) {
    if (sub !== undefined) throw new UsageError(`"${sub}" belongs to nothing; --${kind} takes one value`);
    return { [kind]: value };
  }
  if (sub === undefined) throw new UsageError(`--${party} takes two values, issuer and name: --${party} ISS SUB`);
  if (more.length > 0) throw new UsageError(`"${more.join(' ')}" belongs to nothing; quote a name that has spaces`);
  return { [party]: { iss: value, sub } };
}

function stamped(line: WrittenLine, clock: Clock): WrittenLine {
  return { ...line, at: new Date(clock.now()).toISOString() };
}

function newId(): string {
  return `r-${crypto.randomUUID().slice(0, 13)}`;
}

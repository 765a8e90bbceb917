// An incident as a tree: on whose behalf, then actor by actor, each with what it did in the order of time.
// Prints what audit/incident.ts told; must never find anything out itself.

import type { Delegation, Hop, Incident, IncidentCall } from '../audit/incident.ts';
import { isObject } from '../audit/line.ts';
import type { Json, JsonObject } from '../principal.ts';
import { describeCall, describeCredential, describeEvent, describeExchange, show, words } from './audit-text.ts';

export function printIncident({ delegations, events }: Incident): string {
  const blocks = delegations.map(printDelegation);
  if (events.length > 0)
    blocks.push(events.map((event) => `${show(event['time'])}  ${describeEvent(event)}`).join('\n'));
  return blocks.length === 0 ? 'No record answers to that.' : blocks.join('\n\n');
}

function printDelegation({ root, from, to, traces, subject }: Delegation): string {
  const count = traces.length === 1 ? `trace ${show(traces[0])}` : `${traces.length} traces`;
  const head = root === undefined ? 'calls of nobody that was established' : `delegation ${show(root)}`;
  return [`${head}, ${show(from)} to ${show(to)}, ${count}`, show(subject.name) ?? '', ...branches(subject)].join('\n');
}

function branches({ calls, hops }: Hop): string[] {
  const items = [
    ...calls.map((call) => ({ time: call.time, lines: callLines(call) })),
    ...hops.map((hop) => ({ time: firstTime(hop), lines: [show(hop.name) ?? '', ...branches(hop)] })),
  ].sort((a, b) => (a.time < b.time ? -1 : 1));
  return items.flatMap(({ lines }, index) => {
    const last = index === items.length - 1;
    return lines.map((line, row) => `${row === 0 ? (last ? '└─ ' : '├─ ') : last ? '   ' : '│  '}${line}`);
  });
}

function firstTime({ calls, hops }: Hop): string {
  return [...calls.map(({ time }) => time), ...hops.map(firstTime)].sort()[0] ?? '';
}

function callLines({ time, end, before }: IncidentCall): string[] {
  const permitted = before.find(({ event }) => event === 'postern.access.permitted');
  const main = end ?? permitted;
  const open = end === undefined ? 'and no end is recorded: still going on, or the gate was stopped' : undefined;
  const exchanges = before.filter((record) => record !== permitted && !isUsed(record, end));
  const below = [...exchanges.map(describeExchange), ...(end === undefined ? [] : [describeCredential(end)])];
  const clock = show(time)?.slice(11) ?? '';
  const indent = ' '.repeat(clock.length + 2);
  return [
    `${clock}  ${words([describeMain(main), open])}`,
    ...below.flatMap((line) => (line === undefined ? [] : [`${indent}${line}`])),
  ];
}

/** An exchange whose credential the call went on with: told by that already. */
function isUsed(exchange: JsonObject, end: JsonObject | undefined): boolean {
  const made = fingerprintOf(exchange);
  return made !== undefined && end !== undefined && made === fingerprintOf(end);
}

function fingerprintOf({ credential }: JsonObject): Json | undefined {
  return isObject(credential) ? credential['fingerprint'] : undefined;
}

function describeMain(record: JsonObject | undefined): string {
  return record === undefined ? 'a call' : describeCall(record);
}

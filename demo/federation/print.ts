// The federation demo's output for people: what each API was given and for how long, who acted for whom by every account of it,
// and what holds.

import { table } from '../../src/commands/table.ts';
import type { Check } from '../checks.ts';
import { heading, indent, printChecks } from '../print.ts';
import { chainOf, type FederationEvidence, kindsOf, shownTo, useOf } from './checks.ts';
import type { FederationRecord, Row } from './rows.ts';

export function printFederation({ rows, story }: FederationEvidence, checks: readonly Check[]): string {
  const [first] = story.ended.asked;
  return [
    heading('What each API was given'),
    table([['API', 'SDK', 'grants, leg by leg', 'credential', 'lives', 'cache', 'for'], ...rows.map(givenRow)]),
    heading('Who acted for whom'),
    table([
      ['API', 'in the trace', 'in the audit log', 'the vendor gave it for', "vendor's id"],
      ...rows.map(actedRow),
    ]),
    heading("When alice's token had ended"),
    indent([
      `her application got   ${story.ended.application}`,
      `the openai SDK threw  ${first?.outcomes[0]?.error ?? 'nothing'}`,
      `reached a vendor      ${story.ended.leaked} requests`,
    ]),
    heading('What holds'),
    printChecks(checks),
  ].join('\n');
}

/** The same for machines: names, kinds and numbers, nothing that opens anything. */
export function factsOf({ rows, story }: FederationEvidence): object {
  return {
    trace_id: story.traceId,
    rows: rows.map((row) => ({
      ...{ route: row.vendor.route, api: row.vendor.title, sdk: row.sdk, long_lived: row.vendor.standing },
      ...{ grants: row.legs, credential: kindsOf(row).join(), lifetime_s: row.records[0]?.credential?.lifetime_s },
      for: purposeOf(row),
      cache: row.records.map(({ cache }) => cache),
      chain_in_trace: chainOf(row.spans[0]),
      chain_in_audit: chainInAudit(row.records[0]),
      shown: row.arrivals[0] && shownTo(row.arrivals[0]),
      vendor_request_ids: row.records.map(({ upstream }) => upstream?.request_id),
      outcomes: row.outcomes,
    })),
    ended: story.ended,
  };
}

function givenRow(row: Row): readonly string[] {
  const { vendor, sdk, legs, records } = row;
  const lifetime = records[0]?.credential?.lifetime_s;
  return [
    vendor.title,
    sdk,
    legs.join(' > '),
    credentialOf(row),
    lifetime === undefined ? 'until rotated' : `${lifetime} s`,
    vendor.standing ? '-' : `${records[0]?.cache}, ${records.at(-1)?.cache}`,
    purposeOf(row),
  ];
}

/** Kind in the record, and what it takes to use it. */
function credentialOf(row: Row): string {
  const uses = new Set(row.arrivals.map(useOf));
  const marks = [...uses, row.vendor.standing ? 'LONG-LIVED' : undefined].filter((mark) => mark !== undefined);
  return [...kindsOf(row), ...marks].join(', ');
}

function actedRow({ vendor, spans, records, arrivals: [arrival] }: Row): readonly string[] {
  return [
    vendor.title,
    chainOf(spans[0]) ?? 'not there',
    chainInAudit(records[0]),
    arrival === undefined ? 'not reached' : shownTo(arrival),
    records[0]?.upstream?.request_id ?? '-',
  ];
}

function chainInAudit(record: FederationRecord | undefined): string {
  const actors = (record?.actors ?? []).map(({ sub }) => sub).toReversed();
  return [record?.subject?.sub ?? '?', ...actors].join(' -> ');
}

/** Longest audience shown whole, in characters. */
const maxAudience = 40;

/** Audience, and the scopes granted where the vendor says, or asked for where it does not. */
function purposeOf({ records: [record], vendor }: Row): string {
  if (vendor.standing) return 'all that the key opens';
  const { audience = '', scopes_granted, scopes_requested = [] } = record?.credential ?? {};
  const whole = audience.replace(/^https:\/\//, '');
  const short = whole.length > maxAudience ? `...${whole.slice(-maxAudience)}` : whole;
  return [short, ...(scopes_granted ?? scopes_requested)].filter((part) => part !== '').join(' ');
}

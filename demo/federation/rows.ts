// One row for each API: what its SDK got, the gate's audit records and spans of its calls, and what reached the vendor, joined by
// route and by span id.

import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import type { DecodedSpan } from '../collector.ts';
import type { Asked, Outcome } from './agent.ts';
import type { Arrival } from './api.ts';
import { clients } from './clients.ts';
import type { Vendor } from './vendors.ts';
import { configFile } from './world.ts';

const party = z.looseObject({ sub: z.string().optional() });

/** One line of the audit file, as far as this demo reads it; docs/reference/audit.md has every field. */
const record = z.looseObject({
  event: z.string(),
  trace_id: z.string(),
  span_id: z.string(),
  root_id: z.string().optional(),
  route: z.string().optional(),
  caller: party.optional(),
  subject: party.optional(),
  actors: z.array(party).default([]),
  decision: z.string().optional(),
  reason: z.string().optional(),
  cache: z.string().optional(),
  credential: z
    .looseObject({
      kind: z.string(),
      grant: z.string(),
      audience: z.string().optional(),
      scopes_requested: z.array(z.string()).default([]),
      scopes_granted: z.array(z.string()).optional(),
      lifetime_s: z.number().optional(),
    })
    .optional(),
  upstream: z.looseObject({ request_id: z.string().optional() }).optional(),
});

export type FederationRecord = z.output<typeof record>;

export interface Row {
  readonly vendor: Vendor;
  readonly sdk: string;
  readonly outcomes: readonly Outcome[];
  /** Of its calls, as they began. */
  readonly records: readonly FederationRecord[];
  /** The SERVER span of each record, as decoded from OTLP. */
  readonly spans: readonly (DecodedSpan | undefined)[];
  readonly arrivals: readonly Arrival[];
  /** Grants of its legs, first to last. */
  readonly legs: readonly string[];
}

/** Records of calls; not of exchanges, segments and the like. */
export function readRecords(text: string): readonly FederationRecord[] {
  const lines = text.split('\n').filter((line) => line.includes('"postern.access.'));
  return lines.map((line) => record.parse(JSON.parse(line)));
}

export function joinRows(evidence: {
  readonly vendors: readonly Vendor[];
  readonly asked: readonly Asked[];
  readonly records: readonly FederationRecord[];
  readonly spans: readonly DecodedSpan[];
}): readonly Row[] {
  const { vendors, asked, records, spans } = evidence;
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const begun = ({ span_id }: FederationRecord) => byId.get(span_id)?.start ?? 0;
  const configured = readLegs();
  return vendors.map((vendor) => {
    const { route, api } = vendor;
    const own = records
      .filter((each) => each.route === route && each.decision === 'allow')
      .toSorted((one, other) => begun(one) - begun(other));
    return {
      vendor,
      sdk: clients.get(route)?.sdk ?? 'none',
      outcomes: asked.find((each) => each.route === route)?.outcomes ?? [],
      records: own,
      spans: own.map(({ span_id }) => byId.get(span_id)),
      arrivals: api.arrivals(),
      legs: withLast(configured.get(route) ?? [], own[0]?.credential?.grant),
    };
  });
}

/** A leg that a grant adds by itself, such as a service account's token, stands in the record alone. */
function withLast(legs: readonly string[], last: string | undefined): readonly string[] {
  return last === undefined || legs.at(-1) === last ? legs : [...legs, last];
}

const written = z.looseObject({
  exchanges: z.record(
    z.string(),
    z.looseObject({ grant: z.string(), steps: z.array(z.looseObject({ exchange: z.string() })).optional() }),
  ),
  routes: z.array(z.looseObject({ preset: z.string(), name: z.string().optional(), exchange: z.string() })),
});

/** Grants by route, as configured: a leg that two routes share is asked for once, and then told of once. */
function readLegs(): ReadonlyMap<string, readonly string[]> {
  const { exchanges, routes } = written.parse(parse(readFileSync(configFile, 'utf8')));
  const grantOf = (name: string) => exchanges[name]?.grant ?? '?';
  return new Map(
    routes.map(({ preset, name = preset, exchange }) => {
      const steps = exchanges[exchange]?.steps;
      return [name, steps === undefined ? [grantOf(exchange)] : steps.map((step) => grantOf(step.exchange))];
    }),
  );
}

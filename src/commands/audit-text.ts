// One audit record in words, for the tree and for the line. Whatever a file holds is made fit for a terminal first: it may have
// been written by somebody who wants the reader's terminal to say something else.

import { nameOf, textOf } from '../audit/incident.ts';
import { isObject } from '../audit/line.ts';
import { bounded } from '../base/bounded.ts';
import type { Json, JsonObject } from '../principal.ts';

/** Longest word printed, in characters. */
const maxShown = 120;

export function show(value: Json | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  return bounded(typeof value === 'string' ? value : JSON.stringify(value), maxShown);
}

/** What was asked for, and what came of it. */
export function describeCall(record: JsonObject): string {
  const { route, operation, model, tool, method, path, status, reason, detail, rule, duration_ms: ms } = record;
  const asked = [show(route), show(operation), show(tool) ?? show(model)];
  const what = asked.some((part) => part !== undefined) ? asked : [show(method), show(path)];
  return words([
    outcomeOf(record),
    ...what,
    show(status),
    reason === undefined ? undefined : words([show(reason), detail === undefined ? undefined : `(${show(detail)})`]),
    rule === undefined || reason !== undefined ? undefined : `by rule ${show(rule)}`,
    typeof ms === 'number' ? `in ${describeMs(ms)}` : undefined,
    record['end'] === undefined || record['end'] === 'complete' ? undefined : `ended by ${show(record['end'])}`,
  ]);
}

function outcomeOf({ event, decision }: JsonObject): string {
  if (event === 'postern.access.permitted') return 'permitted';
  if (decision === 'allow') return 'allowed';
  return decision === 'deny' ? 'DENIED' : 'FAILED';
}

export function describeExchange({ exchange, reason, detail, credential }: JsonObject): string {
  if (!isObject(exchange)) return 'an exchange';
  const { name, grant, issuer, outcome, audience, oauth_error: oauthError } = exchange;
  const asked = words([
    show(grant),
    `at ${show(issuer)}`,
    audience === undefined ? undefined : `for ${show(audience)}`,
  ]);
  if (outcome === 'success') return `exchange ${show(name)}: ${asked}, ${describeLife(credential)}`;
  const why = words([show(reason), show(oauthError), detail === undefined ? undefined : `(${show(detail)})`]);
  return `exchange ${show(name)} ${outcome === 'denied' ? 'DENIED' : 'FAILED'}: ${asked}: ${why}`;
}

export function describeCredential({ credential, cache }: JsonObject): string | undefined {
  if (!isObject(credential)) return undefined;
  const { kind, audience, scopes_granted: granted, scopes_requested: requested, verification } = credential;
  const scopes = [granted ?? requested ?? []].flat().map(show).join(' ');
  const findings = isObject(verification) && Array.isArray(verification['findings']) ? verification['findings'] : [];
  return [
    `${show(kind)} credential${audience === undefined ? '' : ` for ${show(audience)}`}${scopes === '' ? '' : ` (${scopes})`}`,
    describeVia(credential['via']),
    describeLife(credential),
    cache === undefined ? undefined : cache === 'miss' ? 'new' : `from cache (${show(cache)})`,
    findings.length === 0 ? undefined : `NOT as asked: ${findings.map(show).join(', ')}`,
  ]
    .filter((part) => part !== undefined)
    .join(', ');
}

/** The exchanges before the last one, first to last. */
function describeVia(via: Json | undefined): string | undefined {
  if (!Array.isArray(via) || via.length === 0) return undefined;
  const legs = via.map((leg) =>
    isObject(leg) ? words([show(leg['exchange']), `(${show(leg['grant'])})`]) : show(leg),
  );
  return `by way of ${legs.join(', ')}`;
}

function describeLife(credential: Json | undefined): string {
  const seconds = isObject(credential) ? credential['lifetime_s'] : undefined;
  return typeof seconds === 'number' ? `lives ${describeMs(seconds * 1_000)}` : 'of no known lifetime';
}

/** Something that belongs to no call. */
export function describeEvent(record: JsonObject): string {
  const { event, facts, segment, checkpoint, lost } = record;
  if (isObject(segment))
    return `-- a file begins${segment['torn'] === undefined ? '' : ', after one that was not finished'} --`;
  if (isObject(checkpoint)) {
    const signed = checkpoint['signature'] === undefined ? 'not signed' : 'signed';
    return `-- checkpoint: ${show(checkpoint['reason'])}, ${signed} --`;
  }
  return words([show(textOf(event)), show(facts ?? lost)]);
}

/** Who, for whom. */
export function describeParties(record: JsonObject): string {
  const caller = show(nameOf(record['caller']));
  const subject = show(nameOf(record['subject']));
  if (caller === undefined) return `somebody at ${show(record['peer'])}`;
  return subject === undefined || subject === caller ? caller : `${caller} for ${subject}`;
}

function describeMs(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  return ms < 120_000 ? `${Math.round(ms / 100) / 10} s` : `${Math.round(ms / 60_000)} min`;
}

export function words(parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join(' ');
}

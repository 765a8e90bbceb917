// What must be true of the federation demo, checked on what the APIs and token endpoints received, on the spans as the collector
// decoded them, and on the audit file. Each check names the fact; one that does not hold makes the demo fail.

import { type Check, check } from '../checks.ts';
import type { DecodedSpan } from '../collector.ts';
import { said } from './answers.ts';
import type { Arrival } from './api.ts';
import { checkLifetimes } from './check-lifetimes.ts';
import type { FederationRecord, Row } from './rows.ts';
import type { Story } from './story.ts';

export interface FederationEvidence {
  readonly story: Story;
  readonly rows: readonly Row[];
  readonly records: readonly FederationRecord[];
  readonly spans: readonly DecodedSpan[];
  /** Everything the vendors' token endpoints received, as text, by vendor. */
  readonly logins: ReadonlyMap<string, string>;
  /** What proves the gate, to the issuer and to Entra. */
  readonly ownTokens: readonly string[];
  /** Every token of the organisation's issuer. */
  readonly tokens: readonly string[];
  /** Standing keys, and the secret keys of AWS role sessions. */
  readonly keys: readonly string[];
  /** Everything exported or written down, as raw text. */
  readonly exported: string;
}

const chain = '>user:alice>agent:assistant>';

export function checkFederation(evidence: FederationEvidence): readonly Check[] {
  const { story, rows, spans, ownTokens } = evidence;
  const arrivals = rows.flatMap((row) => row.arrivals);
  const records = rows.flatMap((row) => row.records);
  const marked = rows.filter(({ vendor }) => vendor.standing);
  const federated = rows.filter(({ vendor }) => !vendor.standing);
  const fromAgent = [story.handle, story.userToken, ...ownTokens];
  const secrets = [...evidence.tokens, ...evidence.keys, story.handle, ...arrivals.flatMap(credentialsOf)];
  return [
    check(`all ${rows.length} APIs answered their SDKs, twice each`, rows.every(isAnswered)),
    check('every API saw only a credential that its vendor had given, in one place', arrivals.every(isGenuine)),
    check(
      "no API saw the handle, alice's token or the agent's own",
      fromAgent.every((secret) => partsOf(secret).every((part) => !arrivals.some((arrival) => holds(arrival, part)))),
    ),
    check("alice's own token went to Entra alone, which takes no other on behalf of her", onlyEntraSawAlice(evidence)),
    check("no vendor's API saw a token of the organisation's issuer", onlyOwnApisSawOwnTokens(evidence)),
    check('every vendor that takes a chain was shown alice, and the agent as her actor', shownRightly(rows)),
    check(
      `only the ${marked.length} marked rows used a long-lived key`,
      marked.length > 0 && marked.every((row) => kindsOf(row).join() === 'static') && federated.every(isShortLived),
    ),
    ...checkLifetimes(rows),
    check('the second call of each came from the cache', federated.every(isCached)),
    check(
      'one trace holds every call, exchange and upstream request',
      spans.every(({ traceId }) => traceId === story.traceId || traceId === story.ended.traceId) &&
        records.every(({ trace_id }) => trace_id === story.traceId) &&
        arrivals.every(({ headers }) => headers['traceparent']?.includes(story.traceId) === true),
    ),
    check(
      'every call has its chain in its span, as decoded from OTLP',
      rows.every((row) => row.spans.length > 0 && row.spans.every((span) => chainOf(span) === chain)),
    ),
    check('and in its audit record', records.length >= 2 * rows.length && records.every(namesBoth)),
    check('one delegation root id joins them all', isOne(records.map(({ root_id }) => root_id))),
    check("the vendor's own request id is recorded, where it has one", rows.every(isRequestIdRecorded)),
    ...checkEnded(evidence),
    check(
      'no token, key or handle is in any span or record',
      secrets.length > rows.length && secrets.flatMap(partsOf).every((part) => !evidence.exported.includes(part)),
    ),
  ];
}

/** What a call after the end of alice's token met. */
function checkEnded({ story: { ended }, rows, records }: FederationEvidence): readonly Check[] {
  const refused = records.filter(({ decision }) => decision === 'deny');
  const met = (reason: string) => refused.filter((each) => each.reason === reason).length;
  return [
    check(
      "when alice's token had ended, every SDK was refused, whatever was in the cache",
      ended.asked.length === rows.length &&
        ended.asked.every(({ outcomes }) => outcomes.every(({ error }) => error !== undefined)) &&
        met('handle_expired') >= rows.length,
    ),
    check('and so was her application', ended.application.startsWith('401 ') && met('token_expired') === 1),
    check('and no API and no token endpoint heard of it', ended.leaked === 0),
  ];
}

export function kindsOf({ records }: Row): readonly string[] {
  return [...new Set(records.map(({ credential }) => credential?.kind ?? 'none'))];
}

export function chainOf(span: DecodedSpan | undefined): string | undefined {
  const value = span?.attributes['postern.delegation.chain'];
  return typeof value === 'string' ? value : undefined;
}

/** Whom a vendor gave a credential for: `alice`, and the agent behind `act`. */
export function shownTo({ genuine }: Arrival): string {
  const { sub, act, idtyp } = genuine?.claims ?? {};
  if (sub === undefined) return 'nobody';
  if (idtyp === 'app') return 'our application';
  return typeof act === 'object' && act !== null && 'sub' in act ? `${sub}, act ${act.sub}` : sub;
}

const shown = { chain: 'alice, act agent:assistant', user: 'alice', application: 'our application', nobody: 'nobody' };

function shownRightly(rows: readonly Row[]): boolean {
  return rows.every(({ vendor, arrivals }) => arrivals.every((arrival) => shownTo(arrival) === shown[vendor.shown]));
}

function isAnswered({ outcomes }: Row): boolean {
  return outcomes.length === 2 && outcomes.every(({ text }) => text === said);
}

/** A signature is two headers, with the session whose keys made it; so is a bound token, with its proof. */
function isGenuine(arrival: Arrival): boolean {
  return arrival.genuine !== undefined && arrival.slots.length === (useOf(arrival) === undefined ? 1 : 2);
}

/** How a credential is used that is not simply sent. */
export function useOf({ headers: { authorization = '' } }: Arrival): 'signs' | 'bound' | undefined {
  if (authorization.startsWith('AWS4-HMAC-SHA256 ')) return 'signs';
  return authorization.startsWith('DPoP ') ? 'bound' : undefined;
}

/** Half a day: the longest that any vendor here can be asked for. */
const longestLife = 43_200;

function isShortLived(row: Row): boolean {
  const lifetimes = row.records.map(({ credential }) => credential?.lifetime_s ?? Number.POSITIVE_INFINITY);
  return kindsOf(row).join() === 'exchanged' && lifetimes.every((lifetime) => lifetime <= longestLife);
}

function isCached({ records }: Row): boolean {
  const [first, ...others] = records.map(({ cache }) => cache);
  return first === 'miss' && others.length > 0 && others.every((cache) => cache === 'hit');
}

function isRequestIdRecorded({ records, arrivals }: Row): boolean {
  return records.every(({ upstream }, at) => upstream?.request_id === arrivals[at]?.id);
}

function namesBoth({ subject, caller, actors }: FederationRecord): boolean {
  return subject?.sub === 'alice' && caller?.sub === 'agent:assistant' && isOne(actors.map(({ sub }) => sub));
}

function onlyEntraSawAlice({ story, logins, ownTokens: [identity = ''] }: FederationEvidence): boolean {
  const saw = (secret: string) => [...logins].filter(([, text]) => text.includes(secret)).map(([name]) => name);
  return saw(story.userToken).join() === 'entra' && saw(story.handle).length === 0 && saw(identity).length === 0;
}

/** Of the organisation's own issuer there are tokens at its own APIs; everybody else gets what their own vendor gave. */
function onlyOwnApisSawOwnTokens({ rows, tokens }: FederationEvidence): boolean {
  const others = rows.filter(({ vendor }) => !vendor.own).flatMap(({ arrivals }) => arrivals);
  return tokens.length > 0 && tokens.every((token) => !others.some((arrival) => holds(arrival, token)));
}

function credentialsOf({ headers, slots }: Arrival): readonly string[] {
  return slots.map((slot) => String(headers[slot]).replace(/^(?:Bearer|DPoP) /, ''));
}

function holds({ target, headers, body }: Arrival, secret: string): boolean {
  return [target, body, ...Object.values(headers)].some((value) => String(value).includes(secret));
}

/** The parts of a JWT that give it away: payload and signature; of anything else, the whole. */
function partsOf(secret: string): readonly string[] {
  return secret.startsWith('eyJ') ? secret.split('.').slice(1) : [secret];
}

function isOne(values: readonly (string | undefined)[]): boolean {
  return new Set(values).size === 1 && values[0] !== undefined;
}

// What must be true of the chain and of the attacks on it, checked on the spans as the collector decoded them, on both audit
// files, on what the tool verified, and on everything the agents ever received.

import { publicCodes, reasons } from '../../src/base/errors.ts';
import { type Check, check } from '../checks.ts';
import type { DecodedSpan } from '../collector.ts';
import type { Fact } from '../upstreams/facts.ts';
import type { Attacked } from './attacks.ts';
import { question, type Story } from './story.ts';
import type { Tampering } from './tamper.ts';
import type { ChainRecord, SidecarName } from './world.ts';

/** A record, and whose sidecar wrote it. */
export interface Recorded {
  readonly by: SidecarName;
  readonly record: ChainRecord;
}

export interface ChainEvidence extends Attacked {
  readonly story: Story;
  readonly records: readonly Recorded[];
  readonly spans: readonly DecodedSpan[];
  /** What reached the tool. */
  readonly received: readonly Fact[];
  /** Everything both agents received, as one text, and the handles they were given. */
  readonly seen: string;
  /** Headers and bodies in it. */
  readonly seenCount: number;
  readonly handles: readonly string[];
  /** Everything that opens something: every token there was, and the sidecars' client secret. */
  readonly secrets: readonly string[];
  /** Everything exported or written down, as raw text. */
  readonly exported: string;
  readonly tampering: Tampering;
}

/** The four hops, as the sidecars have to record them. */
const hops = [
  'planner: inbound by user:alice for user:alice, chain none, handle',
  'planner: researcher by agent:planner for user:alice, chain agent:planner, exchanged',
  'researcher: inbound by agent:planner for user:alice, chain agent:planner, handle',
  'researcher: mcp by agent:researcher for user:alice, chain agent:researcher agent:planner, exchanged',
];

export function checkChain(evidence: ChainEvidence): readonly Check[] {
  const { story, spans, seen, handles, secrets, exported, attempts } = evidence;
  const told = storyOf(evidence);
  const traced = spans.filter(({ traceId }) => traceId === story.traceId);
  const rooted = traced.filter(({ attributes }) => attributes['postern.delegation.root_id'] !== undefined);
  const roots = new Set(told.map(({ record }) => record.root_id));
  const spanIds = new Set(traced.map(({ spanId }) => spanId));
  const arrived = evidence.received.filter(({ traceparent }) => traceparent?.includes(story.traceId));
  return [
    check('the user got the answer of the tool', story.status === 200 && story.answer.includes(question)),
    check('four hops were allowed and recorded, each with its chain', sameMembers(told.map(describe), hops)),
    check('the tool verified a token of its own, for the user, with the whole chain', arrived.every(isWholeChain)),
    check('the tool was reached', arrived.length > 0),
    check(
      'one trace holds the calls of both sidecars',
      told.every(({ record }) => record.trace_id === story.traceId),
    ),
    check('both sidecars sent spans of that trace', sameMembers(services(traced), bothServices)),
    check('every record has its span in it, and every span its parent', everyLinkThere(told, traced, spanIds)),
    check('one delegation root id is on every record of both sidecars', roots.size === 1 && !roots.has(undefined)),
    check(
      'and on spans of both, with no other',
      sameMembers(rootsOf(rooted), [...roots]) && sameMembers(services(rooted), bothServices),
    ),
    check('both agents were given handles', handles.length >= 2 && handles.every((handle) => seen.includes(handle))),
    check(
      `no agent ever received any of ${secrets.length} real credentials, whole or in part`,
      secrets.length >= 10 && secrets.every((secret) => partsOf(secret).every((part) => !seen.includes(part))),
    ),
    check(
      'no token, secret or handle is in any span or record',
      [...secrets, ...handles].every((s) => !exported.includes(s)),
    ),
    ...attempts.map((attempt) =>
      check(`${attempt.name} is refused: ${attempt.expected}`, isRefused(attempt, evidence)),
    ),
    check('with the trace its sidecar began, the same call is let through', evidence.ownTrace === 200),
    ...checkTampering(evidence.tampering),
  ];
}

/** What the attack met, in the record of the sidecar it was made at; found by the id that the client was told. */
export function recordOf({ records }: Pick<ChainEvidence, 'records'>, requestId: string): Recorded | undefined {
  return records.find(({ record }) => record.request_id === requestId);
}

/** The records of the story, as its calls began: all that share the root id of the user's call. */
export function storyOf({ records, story, spans }: Pick<ChainEvidence, 'records' | 'story' | 'spans'>) {
  const root = recordOf({ records }, story.requestId)?.record.root_id;
  const begun = new Map(spans.map(({ spanId, start }) => [spanId, start]));
  const at = ({ record }: Recorded) => begun.get(record.span_id) ?? 0;
  return records
    .filter(({ record }) => root !== undefined && record.root_id === root)
    .sort((one, other) => at(one) - at(other));
}

const bothServices = ['planner-sidecar', 'researcher-sidecar'];

function isRefused(
  { requestId, expected, at, status, code, leaked }: Attacked['attempts'][number],
  all: ChainEvidence,
) {
  const recorded = recordOf(all, requestId);
  const publicly = reasons[expected];
  return (
    recorded?.by === at &&
    recorded.record.reason === expected &&
    recorded.record.event === 'postern.access.denied' &&
    code === publicly &&
    status === publicCodes[publicly].status &&
    leaked === 0
  );
}

function checkTampering({ file, line, before, after }: Tampering): readonly Check[] {
  return [
    check('audit verify finds nothing in the log as it was written', before.exitCode === 0),
    check(
      'audit verify names the line of which one byte was changed',
      after.exitCode === 1 && after.said.includes(`${file}:${line}  `),
    ),
  ];
}

function describe({ by, record }: Recorded): string {
  const { route, caller, subject, actors = [], credential } = record;
  const chain = actors.map(({ sub }) => sub).join(' ') || 'none';
  return `${by}: ${route} by ${caller?.sub} for ${subject?.sub}, chain ${chain}, ${credential?.kind}`;
}

function isWholeChain({ outcome, hop }: Fact): boolean {
  return (
    outcome === 'accepted' &&
    hop?.sub === 'user:alice' &&
    hop.audiences.join() === 'mcp-everything' &&
    hop.scopes.join() === 'tools.call' &&
    hop.actors.join() === 'agent:researcher,agent:planner'
  );
}

/** Only the first span has its parent elsewhere: in the user's app. */
function everyLinkThere(told: readonly Recorded[], spans: readonly DecodedSpan[], ids: ReadonlySet<string>): boolean {
  const orphans = spans.filter(({ parentSpanId }) => !ids.has(parentSpanId ?? ''));
  return told.every(({ record }) => ids.has(record.span_id)) && orphans.length === 1;
}

function services(spans: readonly DecodedSpan[]): string[] {
  return spans.map(({ resource }) => String(resource['service.name']));
}

function rootsOf(spans: readonly DecodedSpan[]): string[] {
  return spans.map(({ attributes }) => String(attributes['postern.delegation.root_id']));
}

/** The parts of a token that give it away: payload and signature; of anything else, the whole. */
function partsOf(secret: string): readonly string[] {
  const [, ...parts] = secret.split('.');
  return parts.length === 2 ? parts : [secret];
}

/** Each member of one is in the other, however often. */
function sameMembers<T>(one: readonly T[], other: readonly T[]): boolean {
  return one.every((member) => other.includes(member)) && other.every((member) => one.includes(member));
}

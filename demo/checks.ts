// What must be true of the demo's run, checked on what upstreams verified, what the collector decoded and what the audit
// file says. Each check names the fact; one that does not hold makes the demo fail.

import type { DecodedSpan } from './collector.ts';
import type { Hop } from './hops.ts';

export interface Check {
  readonly fact: string;
  readonly holds: boolean;
}

export interface Evidence {
  readonly hops: readonly Hop[];
  /** What the SDK raised for the call that may not happen. */
  readonly refused: string | undefined;
  readonly spans: readonly DecodedSpan[];
  /** Trace the user's app began. */
  readonly traceId: string;
  /** Every token that was in play, to be looked for where it must not be. */
  readonly tokens: readonly string[];
  /** Everything exported or written down, as raw text. */
  readonly exported: string;
}

const researcherChain = ['agent:researcher', 'agent:planner'];

export function checkFacts({ hops, refused, spans, traceId, tokens, exported }: Evidence): readonly Check[] {
  const allowed = hops.filter(({ record }) => record.decision === 'allow');
  const denied = hops.filter(({ record }) => record.decision !== 'allow');
  const forwarded = hops.filter(({ received }) => received !== undefined);
  const chainOf = (route: string) => forwarded.filter(({ record }) => record.route === route).map(actorsOf);
  const byResearcher = forwarded.filter(({ record }) => record.caller?.sub === 'agent:researcher');
  const roots = new Set(hops.map(({ record }) => record.root_id));
  return [
    check(
      'every allowed call was forwarded and accepted by an upstream that verified it',
      forwarded.length === allowed.length &&
        allowed.length >= 6 &&
        forwarded.every(({ received }) => received?.outcome === 'accepted'),
    ),
    check(
      'the call that may not happen was refused, told to the SDK and reached no upstream',
      denied.length === 1 &&
        denied.every(({ record, received }) => record.reason === 'policy_denied' && received === undefined) &&
        refused?.startsWith('PermissionDeniedError') === true,
    ),
    check(
      'no upstream saw a credential of an agent',
      forwarded.every(({ received }) => !received?.headerNames.includes('postern-subject-token')),
    ),
    check(
      'the user is the subject of every hop',
      forwarded.every(({ received }) => received?.hop?.sub === 'user:alice'),
    ),
    check(
      'each hop had an audience of its own',
      new Set(forwarded.map(({ received }) => received?.hop?.audiences.join())).size === 5,
    ),
    check(
      'the planner called its model and the researcher as the only actor',
      same(chainOf('researcher')[0], ['agent:planner']),
    ),
    check(
      'behind the researcher the chain is user, planner, researcher',
      byResearcher.length >= 4 && byResearcher.every((hop) => same(actorsOf(hop), researcherChain)),
    ),
    check(
      'no token lived longer than ten minutes',
      forwarded.every(({ received }) => (received?.hop?.lifetime ?? Number.NaN) <= 600),
    ),
    check(
      'retrieval was read-only',
      forwarded
        .filter(({ record }) => record.route === 'qdrant')
        .every(({ received }) => same(received?.hop?.scopes, ['vectors.read'])),
    ),
    check('one delegation root id joins every hop', roots.size === 1 && !roots.has(undefined)),
    check('one trace holds every span', spans.length > 0 && spans.every((span) => span.traceId === traceId)),
    check('every span has its parent in the trace', everyParentThere(spans)),
    check(
      'every call has one audit record, in the same trace',
      hops.every(({ record }) => record.trace_id === traceId),
    ),
    check(
      'a repeated hop came from the cache',
      hops.some(({ record }) => record.cache === 'hit'),
    ),
    check(
      'no token is in any exported byte',
      tokens.every((token) => !exported.includes(token)),
    ),
  ];
}

export function check(fact: string, holds: boolean): Check {
  return { fact, holds };
}

function actorsOf({ received }: Hop): readonly string[] {
  return received?.hop?.actors ?? [];
}

function same(a: readonly string[] | undefined, b: readonly string[]): boolean {
  return a !== undefined && a.length === b.length && a.every((item, index) => item === b[index]);
}

/** All but the spans whose parent is the user's own. */
function everyParentThere(spans: readonly DecodedSpan[]): boolean {
  const ids = new Set(spans.map(({ spanId }) => spanId));
  const outside = new Set(
    spans.filter(({ parentSpanId }) => !ids.has(parentSpanId ?? '')).map(({ parentSpanId }) => parentSpanId),
  );
  return outside.size === 1;
}

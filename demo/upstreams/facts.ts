// What a demo upstream tells of the requests that reached it: facts about the token, the names of the headers, the trace.
// Never a token, a header value (but the trace parent) or a body: the demo prints these, and tests compare them.

import type { IncomingMessage } from 'node:http';

/** What the verified token of a request said. */
export interface HopFacts {
  readonly sub: string;
  readonly audiences: readonly string[];
  readonly scopes: readonly string[];
  /** Subjects of the `act` chain, outermost (most recent) first. */
  readonly actors: readonly string[];
  readonly clientId: string | undefined;
  /** Seconds from issue to expiry. */
  readonly lifetime: number;
  readonly txn: string | undefined;
}

export type TokenProblem =
  | 'missing'
  | 'malformed'
  | 'bad_signature'
  | 'wrong_issuer'
  | 'wrong_audience'
  | 'wrong_type'
  | 'expired'
  | 'no_actor'
  | 'insufficient_scope';

export interface Fact {
  readonly method: string;
  /** Path without its query. */
  readonly path: string;
  readonly outcome: 'accepted' | TokenProblem;
  /** undefined when the token did not verify. */
  readonly hop: HopFacts | undefined;
  /** Names in lower case, sorted. */
  readonly headerNames: readonly string[];
  readonly traceparent: string | undefined;
}

/** Most facts kept: a demo left running must not grow without end. The oldest go first. */
const maxFacts = 1_000;

export interface Recorder {
  record(request: IncomingMessage, outcome: Fact['outcome'], hop: HopFacts | undefined): void;
  received(): readonly Fact[];
}

export function createRecorder(): Recorder {
  const facts: Fact[] = [];
  return {
    received: () => [...facts],
    record(request, outcome, hop) {
      const { traceparent } = request.headers;
      facts.push({
        method: request.method ?? '',
        path: pathOf(request),
        outcome,
        hop,
        headerNames: Object.keys(request.headers).sort(),
        traceparent: typeof traceparent === 'string' ? traceparent : undefined,
      });
      if (facts.length > maxFacts) facts.shift();
    },
  };
}

export function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').split('?', 1)[0] ?? '/';
}

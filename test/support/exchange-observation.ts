// An Observation that keeps what it was told about exchanges. Each round trip gets its own span, so that links and
// traceparent headers can be compared.

import type { Refusal } from '../../src/base/errors.ts';
import type { ExchangeStart, Observation } from '../../src/call.ts';
import type { CredentialFacts, SpanReference } from '../../src/credential.ts';

export interface RecordedExchange {
  readonly start: ExchangeStart;
  readonly span: SpanReference;
  readonly traceparent: string;
  /** Where it was really asked; undefined where nobody said. */
  asked: string | undefined;
  outcome: 'open' | 'succeeded' | 'failed';
  facts: CredentialFacts | undefined;
  refusal: Refusal | undefined;
  oauthError: string | undefined;
}

export interface RecordingObservation extends Observation {
  readonly exchanges: RecordedExchange[];
}

const traceId = '0af7651916cd43dd8448eb211c80319c';

export function recordingObservation(): RecordingObservation {
  const exchanges: RecordedExchange[] = [];
  return {
    exchanges,
    span: { traceId, spanId: '00000000000000ff', traceFlags: 1 },
    exchangeStarted(_call, start) {
      const spanId = (exchanges.length + 1).toString(16).padStart(16, '0');
      const span = { traceId, spanId, traceFlags: 1 };
      const recorded: RecordedExchange = {
        start,
        span,
        traceparent: `00-${traceId}-${spanId}-01`,
        asked: undefined,
        outcome: 'open',
        facts: undefined,
        refusal: undefined,
        oauthError: undefined,
      };
      exchanges.push(recorded);
      return {
        span,
        traceparent: recorded.traceparent,
        asked(endpoint) {
          recorded.asked = endpoint;
        },
        succeeded(facts) {
          recorded.outcome = 'succeeded';
          recorded.facts = facts;
        },
        failed(refusal, oauthError) {
          recorded.outcome = 'failed';
          recorded.refusal = refusal;
          recorded.oauthError = oauthError;
        },
      };
    },
    attemptStarted: () => ({ traceparent: '', responded: () => {}, passed: () => {}, ended: () => {} }),
    replied: () => {},
    refused: () => {},
  };
}

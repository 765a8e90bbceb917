// Whether a call's spans are recorded, decided once when the call arrives.
// Denied and failed calls are promoted at their end (observe.ts), so a caller cannot hide them with `sampled=0`;
// metrics and audit are never sampled.

import { ROOT_CONTEXT } from '@opentelemetry/api';
import { SamplingDecision, TraceIdRatioBasedSampler } from '@opentelemetry/sdk-trace';
import type { SpanReference } from '../credential.ts';
import { isSampled } from './trace-context.ts';

export interface Sampling {
  /** Share of traces recorded, by trace id. */
  readonly ratio: number;
  /** Whether the flag of a trusted parent decides instead of the ratio ("parentbased_..."). */
  readonly followParent: boolean;
  readonly parent: 'trust' | 'link' | 'ignore';
  /** Whether denied and failed calls are exported although not sampled. */
  readonly promote: boolean;
}

/** @param parent the span this trace continues, if any: the caller's, or the exchange of an earlier hop */
export type Sample = (traceId: string, parent: SpanReference | undefined) => boolean;

export function createSampler(sampling: Sampling): Sample {
  const { ratio } = sampling;
  const byRatio = new TraceIdRatioBasedSampler(ratio);
  return (traceId, parent) => {
    if (parent !== undefined && sampling.followParent) return isSampled(parent);
    if (ratio === 0 || ratio === 1) return ratio === 1;
    return byRatio.shouldSample(ROOT_CONTEXT, traceId).decision === SamplingDecision.RECORD_AND_SAMPLED;
  };
}

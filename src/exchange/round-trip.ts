// One real round trip to an issuer: recorded, judged, and given a life. What is returned from here passed verification.
// Must never return a credential that is expired or of another kind than asked for, in whatever mode the route is.

import { asRefusal, Refusal } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import type { ExchangeObservation, PermittedCall } from '../call.ts';
import { factsOfIssued } from './facts.ts';
import type { Hop, Issued } from './grant.ts';
import { lifeOf } from './life.ts';
import type { Obtained } from './obtained.ts';
import type { ExchangePlan, Lane } from './plan.ts';
import { oauthErrorOf } from './token-error.ts';
import { type Expected, type Finding, verify } from './verify.ts';

/** Findings that no mode lets pass: such a token cannot be used, or must not be held. */
const neverLetPass: readonly Finding[] = ['issued_token_expired', 'issued_token_type_refused'];

export interface Errand {
  readonly lane: Lane;
  readonly hop: Hop;
  readonly plan: ExchangePlan;
  readonly call: PermittedCall;
  /** See {@link Occasion}. */
  readonly again: boolean;
}

/** Asks, and once more where the answer was well received but odd: issuers do that while they restart (envoy#42009). */
export async function obtain(errand: Errand, clock: Clock): Promise<Obtained> {
  try {
    return await roundTrip(errand, clock);
  } catch (failure) {
    if (failure instanceof Refusal && failure.reason === 'issuer_answer_malformed')
      return await roundTrip(errand, clock);
    throw failure;
  }
}

async function roundTrip(errand: Errand, clock: Clock): Promise<Obtained> {
  const { lane, hop, plan, call, again } = errand;
  const observation = call.observation.exchangeStarted(call, {
    exchange: plan.exchange,
    grant: plan.grant,
    endpoint: plan.endpoint,
    audience: plan.audience ?? plan.resources[0],
    scopes: plan.scopes,
  });
  try {
    const askedAt = clock.now();
    const issued = await lane.grant.obtain(hop, { traceparent: observation.traceparent, again });
    const obtained = judge(errand, issued, observation, askedAt, clock.now()); // read again: the answer may have been slow
    observation.succeeded(obtained.facts);
    return obtained;
  } catch (failure) {
    const refusal = asRefusal(failure);
    observation.failed(refusal, oauthErrorOf(refusal));
    throw refusal;
  }
}

function judge(
  { hop, plan, call }: Errand,
  issued: Issued,
  { span }: ExchangeObservation,
  askedAt: number,
  now: number,
): Obtained {
  const askedAtSeconds = askedAt / 1000;
  const verified = verify(issued, expectedOf(plan, call), askedAtSeconds, now / 1000);
  refuseFindings(verified.findings, plan);
  return {
    secret: issued.token,
    facts: factsOfIssued(plan, issued.token, verified, askedAtSeconds, span),
    life: lifeOf({
      askedAt,
      endsAt: verified.expiresAt === undefined ? undefined : verified.expiresAt * 1000,
      inputsEndAt: plan.kind === 'exchanged' ? endOfInputs(hop) * 1000 : undefined,
      maxLifetimeMs: plan.maxLifetime === undefined ? undefined : plan.maxLifetime * 1000,
    }),
  };
}

function expectedOf(plan: ExchangePlan, call: PermittedCall): Expected {
  const exchanged = plan.kind === 'exchanged';
  return {
    audiences: plan.audience === undefined ? plan.resources : [plan.audience, ...plan.resources],
    scopes: plan.scopes,
    requestedTokenType: exchanged ? plan.requestedTokenType : undefined,
    maxLifetime: plan.maxLifetime,
    chain: exchanged ? { sub: call.subject.sub, actors: call.chain.actors } : undefined,
  };
}

function refuseFindings(findings: readonly Finding[], plan: ExchangePlan): void {
  const gravest = findings.find((finding) => plan.verify === 'strict' || neverLetPass.includes(finding));
  if (gravest === undefined) return;
  const reason = gravest === 'opaque' ? 'issued_token_unreadable' : gravest;
  throw new Refusal(reason, { detail: `exchange ${plan.exchange}: ${findings.join(', ')}` });
}

/** Seconds since the epoch. The actor's token counts even where it was not sent: it is what says who acts. */
function endOfInputs({ subject, actor }: Hop): number {
  return actor === undefined ? subject.expiresAt : Math.min(subject.expiresAt, actor.expiresAt);
}

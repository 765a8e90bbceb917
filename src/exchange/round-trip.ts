// One real round trip to an issuer: recorded, judged, and given a life. What is returned from here passed verification.
// Must never return a credential that is expired, inactive or of another kind than asked for, in whatever mode the route is.

import { asRefusal, Refusal } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import type { ExchangeObservation, PermittedCall } from '../call.ts';
import type { SpanReference } from '../credential.ts';
import { factsOfIssued } from './facts.ts';
import type { Hop, Issued, Occasion } from './grant.ts';
import { type Bounds, lifeOf } from './life.ts';
import type { Obtained } from './obtained.ts';
import type { ExchangePlan, PlannedLeg } from './plan.ts';
import { isReadable } from './readable.ts';
import { readSource } from './source.ts';
import { oauthErrorOf } from './token-error.ts';
import { idJagType } from './token-type.ts';
import { type Circumstances, type Expected, type Finding, verify } from './verify.ts';

/** Findings that no mode lets pass: such a token cannot be used, or must not be held. */
const neverLetPass: readonly Finding[] = ['issued_token_expired', 'issued_token_type_refused'];

export interface Errand {
  readonly planned: PlannedLeg;
  readonly call: PermittedCall;
  /** What the leg before brought; undefined for a first leg. */
  readonly brought: Obtained | undefined;
  /** See {@link Occasion}. */
  readonly again: boolean;
}

/** Asks, and once more where the answer was well received but odd: issuers do that while they restart (envoy#42009). */
export async function obtain(errand: Errand, clock: Clock): Promise<Obtained> {
  try {
    return await roundTrip(errand, clock);
  } catch (failure) {
    // What was spent in asking cannot be sent again.
    if (errand.planned.leg.grant.spendsSubject === true) throw failure;
    if (failure instanceof Refusal && failure.reason === 'issuer_answer_malformed')
      return await roundTrip(errand, clock);
    throw failure;
  }
}

async function roundTrip(errand: Errand, clock: Clock): Promise<Obtained> {
  const { planned, call, again } = errand;
  const { plan, leg } = planned;
  const observation = call.observation.exchangeStarted(call, {
    exchange: plan.exchange,
    grant: plan.grant,
    endpoint: plan.endpoint,
    audience: plan.audience ?? plan.resources[0],
    scopes: plan.scopes,
  });
  try {
    const { hop, bounds } = await depart(errand);
    const occasion: Occasion = { traceparent: observation.traceparent, asked: observation.asked, again };
    const askedAt = clock.now();
    const issued = await leg.grant.obtain(hop, occasion);
    const introspected = isReadable(issued.token) ? undefined : await leg.grant.introspect?.(issued, occasion);
    // The clock is read again: the answer may have been slow.
    const circumstances = { askedAt: askedAt / 1000, now: clock.now() / 1000, introspected };
    const obtained = judge(errand, issued, circumstances, bounds, observation.span);
    observation.succeeded(obtained.facts);
    return obtained;
  } catch (failure) {
    throw failed(observation, failure);
  }
}

function failed(observation: ExchangeObservation, failure: unknown): Refusal {
  const refusal = asRefusal(failure);
  observation.failed(refusal, oauthErrorOf(refusal));
  return refusal;
}

/** Puts the real subject token in the place of a promised one. */
async function depart({ planned, call, brought }: Errand): Promise<{ readonly hop: Hop; readonly bounds: Bounds }> {
  const { hop, leg } = planned;
  const { source, spendsSubject = false } = leg.grant;
  if (brought !== undefined) {
    const bounds = { callEndsAt: brought.callEndsAt, subjectEndsAt: spendsSubject ? undefined : brought.life.endsAt };
    return { hop: { ...hop, subject: { ...hop.subject, token: brought.secret } }, bounds };
  }
  if (source !== undefined) {
    const { token, endsAt } = await readSource(source);
    const bounds = { callEndsAt: undefined, subjectEndsAt: spendsSubject ? undefined : endsAt };
    return { hop: { ...hop, subject: { ...hop.subject, token } }, bounds };
  }
  const callEndsAt = leg.grant.kind === 'exchanged' ? endOf(call) * 1000 : undefined;
  return { hop, bounds: { callEndsAt, subjectEndsAt: undefined } };
}

/** Seconds since the epoch. The actor's token counts even where it was not sent: it is what says who acts. */
function endOf({ subjectToken, actorToken }: PermittedCall): number {
  return Math.min(subjectToken.expiresAt, actorToken?.expiresAt ?? Number.POSITIVE_INFINITY);
}

function judge(
  { planned: { plan }, call, brought }: Errand,
  issued: Issued,
  circumstances: Circumstances,
  bounds: Bounds,
  span: SpanReference,
): Obtained {
  const { askedAt } = circumstances;
  const verified = verify(issued, expectedOf(plan, call), circumstances);
  refuseFindings(verified.findings, plan);
  return {
    secret: issued.bound?.secret ?? issued.token,
    facts: factsOfIssued({
      plan,
      secret: issued.token,
      thumbprint: issued.bound?.thumbprint,
      verified,
      askedAt,
      issuedIn: span,
      before: brought?.facts,
    }),
    life: lifeOf({
      ...bounds,
      askedAt: askedAt * 1000,
      endsAt: verified.expiresAt === undefined ? undefined : verified.expiresAt * 1000,
      maxLifetimeMs: plan.maxLifetime === undefined ? undefined : plan.maxLifetime * 1000,
    }),
    askedAt: askedAt * 1000,
    callEndsAt: bounds.callEndsAt,
  };
}

function expectedOf(plan: ExchangePlan, call: PermittedCall): Expected {
  const exchanged = plan.kind === 'exchanged';
  const named = plan.audience === undefined ? [] : [plan.audience];
  return {
    // The resource of an ID-JAG is a claim of its own; its audience is the authorization server alone.
    audiences: plan.requestedTokenType === idJagType ? named : [...named, ...plan.resources],
    scopes: plan.scopes,
    requestedTokenType: exchanged || plan.via.length > 0 ? plan.requestedTokenType : undefined,
    maxLifetime: plan.maxLifetime,
    chain: exchanged ? { sub: call.subject.sub, actors: call.chain.actors } : undefined,
  };
}

function refuseFindings(findings: readonly Finding[], plan: ExchangePlan): void {
  const gravest = findings.find((finding) => plan.verify === 'strict' || isUnbearable(finding, plan));
  if (gravest === undefined) return;
  const reason = gravest === 'opaque' ? 'issued_token_unreadable' : gravest;
  throw new Refusal(reason, { detail: `exchange ${plan.exchange}: ${findings.join(', ')}` });
}

/** An ID-JAG for another authorization server is not redeemed whatever the mode: there it would be somebody else's grant. */
function isUnbearable(finding: Finding, { requestedTokenType }: ExchangePlan): boolean {
  if (finding === 'issued_audience_mismatch') return requestedTokenType === idJagType;
  return neverLetPass.includes(finding);
}

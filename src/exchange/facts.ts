// What can be told of a credential, for the audit record, spans and the admin page.
// Must never hold the value, nor anything it could be computed from: a fingerprint and a truncated digest at most.

import { idDigest } from '../base/id-digest.ts';
import type { Secret } from '../base/secret.ts';
import type { CredentialFacts, SpanReference } from '../credential.ts';
import type { ExchangePlan } from './plan.ts';
import type { Verified } from './verify.ts';

export interface IssuedCredential {
  readonly plan: ExchangePlan;
  readonly secret: Secret;
  /** Of the key it is bound to, where it is. */
  readonly thumbprint: string | undefined;
  readonly verified: Verified;
  /** Seconds since the epoch. */
  readonly askedAt: number;
  readonly issuedIn: SpanReference;
  /** Of the leg whose token it was traded for. */
  readonly before: CredentialFacts | undefined;
}

export function factsOfIssued(issued: IssuedCredential): CredentialFacts {
  const { plan, secret, thumbprint, verified, askedAt, issuedIn, before } = issued;
  const { expiresAt, jti } = verified;
  return {
    kind: plan.kind,
    exchange: plan.exchange,
    grant: plan.grant,
    issuer: plan.issuer,
    audience: plan.audience ?? plan.resources[0],
    scopesRequested: plan.scopes,
    scopesGranted: verified.scopes,
    expiresAt,
    lifetime: expiresAt === undefined ? undefined : Math.max(0, Math.round(expiresAt - askedAt)),
    fingerprint: secret.fingerprint,
    ...(thumbprint !== undefined && { boundTo: thumbprint }),
    idHash: jti === undefined ? undefined : idDigest(jti),
    verification: { mode: plan.verify, findings: plan.verify === 'not_applicable' ? [] : verified.findings },
    issued: verified.claims,
    issuedIn,
    ...(before !== undefined && { via: legsBefore(before) }),
  };
}

/** First leg first, each without those before it. */
function legsBefore({ via = [], ...last }: CredentialFacts): readonly CredentialFacts[] {
  return [...via, last];
}

/** Facts of a credential that was not issued for this call: a standing secret, or none at all. */
export function factsOfStanding(plan: ExchangePlan, secret: Secret | undefined): CredentialFacts {
  return {
    kind: plan.kind,
    exchange: plan.exchange,
    grant: plan.grant,
    issuer: undefined,
    audience: plan.audience,
    scopesRequested: plan.scopes,
    scopesGranted: undefined,
    expiresAt: undefined,
    lifetime: undefined,
    fingerprint: secret?.fingerprint ?? '',
    idHash: undefined,
    verification: { mode: 'not_applicable', findings: [] },
    issued: undefined,
    issuedIn: undefined,
  };
}

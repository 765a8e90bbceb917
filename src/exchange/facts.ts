// What can be told of a credential, for the audit record, spans and the admin page.
// Must never hold the value, nor anything it could be computed from: a fingerprint and a truncated digest at most.

import { hash } from 'node:crypto';
import type { Secret } from '../base/secret.ts';
import type { CredentialFacts, SpanReference } from '../call.ts';
import type { ExchangePlan } from './plan.ts';
import type { Verified } from './verify.ts';

/** Facts of an issued credential. @param askedAt seconds since the epoch */
export function factsOfIssued(
  plan: ExchangePlan,
  secret: Secret,
  verified: Verified,
  askedAt: number,
  issuedIn: SpanReference,
): CredentialFacts {
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
    idHash: jti === undefined ? undefined : hash('sha256', jti, 'hex').slice(0, 16),
    verification: { mode: plan.verify, findings: plan.verify === 'not_applicable' ? [] : verified.findings },
    issued: verified.claims,
    issuedIn,
  };
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

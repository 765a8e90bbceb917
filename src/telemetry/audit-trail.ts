// What telemetry needs of the audit log: a place to tell each decision, each exchange and each end, with where it belongs in
// traces and in the delegation, which only the observation of the call knows. None of these may wait, and
// none but `permitted` may throw.

import type { Refusal } from '../base/errors.ts';
import type { ExchangeStart, PermittedCall } from '../call.ts';
import type { CredentialFacts, SpanReference } from '../credential.ts';
import type { CallEnd } from './call-end.ts';
import type { DelegationIds } from './delegation-attributes.ts';
import type { ExchangeOutcome } from './span-exchange.ts';

export interface AuditContext {
  readonly span: SpanReference;
  /** undefined for a call whose caller is not known. */
  readonly ids: DelegationIds | undefined;
}

export interface ExchangeRecord {
  readonly call: PermittedCall;
  readonly start: ExchangeStart;
  readonly outcome: ExchangeOutcome;
  readonly facts: CredentialFacts | undefined;
  readonly refusal: Refusal | undefined;
  /** RFC 6749 section 5.2 error code, where the issuer gave one. */
  readonly oauthError: string | undefined;
  readonly durationMs: number;
}

export interface AuditTrail {
  /** @returns false when the record was not taken */
  permitted(call: PermittedCall, context: AuditContext): boolean;
  exchanged(exchange: ExchangeRecord, context: AuditContext): void;
  ended(end: CallEnd, context: AuditContext): void;
  event(name: string, facts: object): void;
}

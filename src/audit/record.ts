// What is recorded of a call: the decision, each round trip to an issuer, and the end, whole. Made from facts that were
// established, and from nothing a caller merely claims. Never sampled.

import { bounded, boundedOptional } from '../base/bounded.ts';
import type { Refusal } from '../base/errors.ts';
import type { Arrival, ExchangeStart, KnownCall, PermittedCall, Reply } from '../call.ts';
import type { CredentialFacts, SpanReference } from '../credential.ts';
import { isArmed, isKnown, isRouted, isStripped } from '../reached.ts';
import type { AuditEventName } from './events.ts';
import { createNaming, type NamingOptions } from './names.ts';
import { type Outcome, ocsfHints } from './ocsf.ts';
import { asked, credential, exchangeAsked, maxText, owners, replied, rule, slots } from './parts.ts';
import { createShares } from './shares.ts';

/** Characters of an event's facts: configuration changes can be large. */
const maxFacts = 16_384;

/** Where a record belongs in traces and in the delegation. */
export interface AuditContext {
  readonly span: SpanReference;
  /** undefined for a call whose caller is not known. */
  readonly ids: DelegationIds | undefined;
}

export interface DelegationIds {
  readonly rootId: string;
  readonly id: string;
  readonly parentId: string | undefined;
}

/** How a call ended. */
export interface AuditedEnd {
  readonly call: Arrival;
  readonly decision: 'allow' | 'deny' | 'error';
  readonly status: number;
  readonly reply: Reply | undefined;
  readonly refusal: Refusal | undefined;
  readonly durationMs: number;
}

/** One real round trip to an issuer. */
export interface AuditedExchange {
  readonly call: PermittedCall;
  readonly start: ExchangeStart;
  readonly outcome: Outcome;
  readonly facts: CredentialFacts | undefined;
  readonly refusal: Refusal | undefined;
  readonly oauthError: string | undefined;
  readonly durationMs: number;
}

interface HintedDelegation {
  readonly ids: DelegationIds | undefined;
  readonly facts?: CredentialFacts | undefined;
}

export interface AuditRecord {
  readonly event: string;
  readonly fields: object;
  /** More fields, as JSON text. */
  readonly shared?: string;
}

export interface Records {
  permitted(call: PermittedCall, context: AuditContext): AuditRecord;
  exchanged(exchange: AuditedExchange, context: AuditContext): AuditRecord;
  ended(end: AuditedEnd, context: AuditContext): AuditRecord;
  /** Something that belongs to no call. */
  event(name: string, facts: object): AuditRecord;
}

export interface RecordOptions extends NamingOptions {
  /** Whether to add OCSF hints. */
  readonly ocsf: boolean;
}

export function createRecords(options: RecordOptions): Records {
  const naming = createNaming(options);
  const hint = options.ocsf ? ocsfHints : () => undefined;
  const shares = createShares(naming);

  function place(call: Arrival, { span }: AuditContext): object {
    return { request_id: call.id, trace_id: span.traceId, span_id: span.spanId };
  }

  function identity(call: KnownCall, ids: DelegationIds | undefined): object {
    return {
      root_id: boundedOptional(ids?.rootId, maxText),
      delegation_id: ids?.id,
      parent_id: ids?.parentId,
      caller: naming.principal(call.caller),
      subject: naming.principal(call.subject),
      actors: naming.actors(call),
      binding: call.binding,
    };
  }

  /** Of every call the same, until another caller, subject, credential or route comes. */
  function shared(call: Arrival, facts: CredentialFacts | undefined): string {
    const identity = isKnown(call) ? shares.identity(call) : '';
    const credential = facts === undefined ? '' : shares.credential(facts);
    const owners = isRouted(call) ? shares.owners(call) : '';
    return [identity, credential, owners].filter((text) => text !== '').join(',');
  }

  function hints(event: AuditEventName, call: Arrival, outcome: Outcome, of: HintedDelegation): object {
    const { ids, facts } = of;
    const delegation = { delegationId: ids?.id, parentId: ids?.parentId, issuer: facts?.issuer };
    return { ocsf: hint(event, { outcome, method: call.method, ...delegation }) };
  }

  return {
    permitted(call, context) {
      const event = 'postern.access.permitted';
      return {
        event,
        fields: {
          ...place(call, context),
          ...identity(call, context.ids),
          ...asked(call),
          decision: 'allow',
          ...rule(call),
          ...owners(call),
          ...hints(event, call, 'success', { ids: context.ids }),
        },
      };
    },
    exchanged({ call, start, outcome, facts, refusal, oauthError, durationMs }, context) {
      const event = exchangeEvent(outcome, facts);
      return {
        event,
        fields: {
          ...place(call, context),
          ...identity(call, context.ids),
          ...asked(call),
          ...rule(call),
          exchange: { ...exchangeAsked(start), outcome, oauth_error: oauthError },
          ...failure(refusal),
          credential: facts && credential(facts),
          duration_ms: milliseconds(durationMs),
          ...owners(call),
          ...hints(event, call, outcome, { ids: context.ids, facts }),
        },
      };
    },
    ended({ call, decision, status, reply, refusal, durationMs }, context) {
      const event = decision === 'allow' ? 'postern.access.allowed' : 'postern.access.denied';
      const outcome = decision === 'allow' ? 'success' : decision === 'deny' ? 'denied' : 'error';
      const facts = isArmed(call) ? call.credential.facts : undefined;
      const { ids, span } = context;
      return {
        event,
        fields: {
          request_id: call.id,
          trace_id: span.traceId,
          span_id: span.spanId,
          root_id: boundedOptional(ids?.rootId, maxText),
          delegation_id: ids?.id,
          parent_id: ids?.parentId,
          ...asked(call),
          decision,
          ...rule(call),
          reason: refusal?.reason,
          detail: boundedOptional(refusal?.detail, maxText),
          code: refusal?.code,
          status,
          cache: isArmed(call) ? call.cache : undefined,
          stripped: isStripped(call) ? slots(call) : undefined,
          ...(reply === undefined ? undefined : replied(reply)),
          duration_ms: milliseconds(durationMs),
          ...hints(event, call, outcome, { ids, facts }),
        },
        shared: shared(call, facts),
      };
    },
    event: (event, facts) => ({
      event,
      fields: { facts: boundedFacts(facts), ocsf: hint(event, { outcome: 'success' }) },
    }),
  };
}

function exchangeEvent(outcome: Outcome, facts: CredentialFacts | undefined): AuditEventName {
  if (outcome === 'denied') return 'postern.token.exchange_denied';
  if (outcome === 'error') return 'postern.token.exchange_failed';
  return facts?.kind === 'client_credentials' ? 'postern.token.issued' : 'postern.token.exchanged';
}

function failure(refusal: Refusal | undefined): object {
  return { reason: refusal?.reason, detail: boundedOptional(refusal?.detail, maxText) };
}

function milliseconds(ms: number): number {
  return Math.round(ms * 1_000) / 1_000;
}

function boundedFacts(facts: object): unknown {
  const text = JSON.stringify(facts);
  return text.length <= maxFacts ? facts : { truncated: bounded(text, maxFacts) };
}

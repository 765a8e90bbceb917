// What is recorded of a call: the decision, each round trip to an issuer, and the end, whole. Made from facts that were
// established, and from nothing a caller merely claims. Never sampled. Written as JSON text at once, in the order of its fields.

import { bounded } from '../base/bounded.ts';
import type { Refusal } from '../base/errors.ts';
import type { Arrival, ExchangeStart, PermittedCall, Reply } from '../call.ts';
import type { CredentialFacts, SpanReference } from '../credential.ts';
import { isArmed, isKnown, isRouted, isStripped } from '../reached.ts';
import type { AuditEventName } from './events.ts';
import { membersOf, moreOf, numeral } from './json-text.ts';
import { createNaming, type NamingOptions } from './names.ts';
import { type Outcome, ocsfHints } from './ocsf.ts';
import {
  asked,
  type DelegationIds,
  delegation,
  duration,
  exchangeAsked,
  failure,
  operation,
  place,
  replied,
  rule,
  slots,
} from './parts.ts';
import { createShares } from './shares.ts';

/** Characters of an event's facts: configuration changes can be large. */
const maxFacts = 16_384;

/** Where a record belongs in traces and in the delegation. */
export interface AuditContext {
  readonly span: SpanReference;
  /** undefined for a call whose caller is not known. */
  readonly ids: DelegationIds | undefined;
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

export interface AuditRecord {
  readonly event: string;
  /** Its fields, as JSON text. */
  readonly members: string;
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
  const shares = createShares(createNaming(options));

  function hints(event: AuditEventName, call: Arrival, outcome: Outcome, ids?: DelegationIds, issuer?: string): string {
    if (!options.ocsf) return '';
    return ocsfHints(event, { outcome, method: call.method, delegationId: ids?.id, parentId: ids?.parentId, issuer });
  }

  return {
    permitted(call, { span, ids }) {
      const event = 'postern.access.permitted';
      const route = shares.route(call.route);
      const members =
        place(call, span) + // request_id, trace_id, span_id
        delegation(ids) + // root_id, delegation_id, parent_id
        shares.parties(call) + // caller, subject, actors, binding
        route.target + // route, preset
        operation(call) + // operation, model, tool
        asked(call) + // method, path, peer
        ',"decision":"allow"' +
        rule(call) + // rule, policy_version
        route.owners +
        hints(event, call, 'success', ids);
      return { event, members };
    },
    exchanged({ call, start, outcome, facts, refusal, oauthError, durationMs }, { span, ids }) {
      const event = exchangeEvent(outcome, facts);
      const route = shares.route(call.route);
      const members =
        place(call, span) +
        delegation(ids) +
        shares.parties(call) +
        route.target +
        operation(call) +
        asked(call) +
        rule(call) +
        moreOf({ exchange: { ...exchangeAsked(start), outcome, oauth_error: oauthError } }) +
        failure(refusal) + // reason, detail
        (facts === undefined ? '' : shares.credential(facts)) +
        duration(durationMs) +
        route.owners +
        hints(event, call, outcome, ids, facts?.issuer);
      return { event, members };
    },
    ended({ call, decision, status, reply, refusal, durationMs }, { span, ids }) {
      const event = decision === 'allow' ? 'postern.access.allowed' : 'postern.access.denied';
      const outcome = decision === 'allow' ? 'success' : decision === 'deny' ? 'denied' : 'error';
      const route = isRouted(call) ? shares.route(call.route) : undefined;
      const facts = isArmed(call) ? call.credential.facts : undefined;
      const { delegation: delegated, members: shared } = isKnown(call)
        ? shares.grant(call, facts, ids)
        : { delegation: delegation(ids), members: '' };
      const members =
        place(call, span) +
        delegated +
        (isRouted(call) && route !== undefined ? route.target + operation(call) : '') +
        asked(call) +
        `,"decision":"${decision}"` +
        rule(call) +
        failure(refusal) +
        (refusal === undefined ? '' : `,"code":"${refusal.code}"`) +
        `,"status":${numeral(status)}` +
        (isArmed(call) ? `,"cache":"${call.cache}"` : '') +
        (isStripped(call) ? slots(call) : '') +
        (reply === undefined
          ? ''
          : replied(reply, shares.route(reply.call.route).address(reply.call.upstream.origin))) +
        duration(durationMs) +
        hints(event, call, outcome, ids, facts?.issuer) +
        shared + // caller, subject, actors, binding, credential
        (route === undefined ? '' : route.owners);
      return { event, members };
    },
    event(event, facts) {
      const hint = options.ocsf ? ocsfHints(event, { outcome: 'success' }) : '';
      return { event, members: `${membersOf({ facts: boundedFacts(facts) })}${hint}` };
    },
  };
}

function exchangeEvent(outcome: Outcome, facts: CredentialFacts | undefined): AuditEventName {
  if (outcome === 'denied') return 'postern.token.exchange_denied';
  if (outcome === 'error') return 'postern.token.exchange_failed';
  return facts?.kind === 'client_credentials' ? 'postern.token.issued' : 'postern.token.exchanged';
}

function boundedFacts(facts: object): unknown {
  const text = JSON.stringify(facts);
  return text.length <= maxFacts ? facts : { truncated: bounded(text, maxFacts) };
}

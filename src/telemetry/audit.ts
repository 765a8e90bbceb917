// The audit log: one record for each call, whole, when it has ended; never sampled, not sent through OpenTelemetry.
// Carries names, digests and decisions. Must never carry a credential, a query string or a body, and never fail a call:
// a record that cannot be written is counted and told.

import type { Clock, Log } from '../base/ports.ts';
import type { Actor, ArmedCall, KnownCall, Principal, Reply, RoutedCall, SpanReference } from '../call.ts';
import type { AuditSink } from './audit-sink.ts';
import { bounded, boundedList, boundedOptional } from './bounded.ts';
import type { CallEnd } from './call-end.ts';
import type { DelegationIds } from './delegation-attributes.ts';
import type { Metrics } from './metrics.ts';
import { maxIdentifier, type Pseudonym } from './pseudonym.ts';
import { isArmed, isKnown, isPermitted, isRouted, isStripped, pathOf } from './reached.ts';
import type { SubjectForm } from './schema.ts';
import { slotsOf } from './span-server.ts';
import { serverAddress } from './upstream-address.ts';

const maxText = 256;
const maxPath = 1_024;
const maxActors = 16;
const maxScopes = 64;

/** Bytes of an event's facts: configuration changes can be large. */
const maxFacts = 16_384;

export interface AuditContext {
  readonly span: SpanReference;
  /** undefined for a call whose caller is not known. */
  readonly ids: DelegationIds | undefined;
}

export interface Audit {
  call(end: CallEnd, context: AuditContext): void;
  event(name: string, facts: object): void;
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface AuditOptions {
  readonly sink: AuditSink;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly form: SubjectForm;
  readonly pseudonym: Pseudonym;
}

export function createAudit({ sink, clock, log, metrics, form, pseudonym }: AuditOptions): Audit {
  let failing = false;

  function write(event: string, record: object): void {
    try {
      sink.write(JSON.stringify(record));
      metrics.audited(event, 'accepted');
      failing = false;
    } catch (failure) {
      metrics.audited(event, 'failed');
      if (!failing) log.error({ err: failure }, 'audit: record not written');
      failing = true;
    }
  }

  const isoTime = (ms: number) => new Date(ms).toISOString();

  function principal({ kind, iss, sub }: Principal): object {
    if (kind === 'workload' || form === 'raw') {
      return { kind, iss: bounded(iss, maxIdentifier), sub: bounded(sub, maxIdentifier) };
    }
    return form === 'omit' ? { kind } : { kind, id: `user:${pseudonym({ kind, iss, sub, claims: {} })}` };
  }

  function actor(call: KnownCall, { iss, sub }: Actor): object {
    const { caller } = call;
    if (caller.kind === 'user' && caller.sub === sub && caller.iss === iss) return principal(caller);
    return { iss: boundedOptional(iss, maxIdentifier), sub: bounded(sub, maxIdentifier) };
  }

  function identity(call: KnownCall, ids: DelegationIds | undefined): object {
    return {
      root_id: boundedOptional(ids?.rootId, maxText),
      delegation_id: ids?.id,
      parent_id: ids?.parentId,
      caller: principal(call.caller),
      subject: principal(call.subject),
      actors: call.chain.actors.slice(0, maxActors).map((one) => actor(call, one)),
      binding: call.binding,
    };
  }

  function credential({ credential: { facts }, cache }: ArmedCall): object {
    return {
      credential: {
        kind: facts.kind,
        exchange: facts.exchange,
        grant: facts.grant,
        issuer: boundedOptional(facts.issuer, maxText),
        audience: boundedOptional(facts.audience, maxText),
        scopes_requested: boundedList(facts.scopesRequested, maxScopes, maxText),
        scopes_granted: facts.scopesGranted && boundedList(facts.scopesGranted, maxScopes, maxText),
        expires_at: facts.expiresAt === undefined ? undefined : isoTime(facts.expiresAt * 1_000),
        lifetime_s: facts.lifetime,
        fingerprint: facts.fingerprint,
        id_hash: facts.idHash,
        verification: {
          mode: facts.verification.mode,
          findings: boundedList(facts.verification.findings, maxScopes, maxText),
        },
      },
      cache,
    };
  }

  return {
    call(end, { span, ids }) {
      const { call, refusal, reply } = end;
      const event = end.decision === 'allow' ? 'postern.access.allowed' : 'postern.access.denied';
      write(event, {
        time: isoTime(clock.now()),
        event,
        request_id: call.id,
        trace_id: span.traceId,
        span_id: span.spanId,
        ...(isKnown(call) ? identity(call, ids) : undefined),
        ...(isRouted(call) ? target(call) : undefined),
        method: bounded(call.method, 32),
        path: bounded(pathOf(call), maxPath),
        peer: call.peer.address,
        decision: end.decision,
        rule: isPermitted(call) ? call.decision.rule : undefined,
        policy_version: isPermitted(call) ? call.decision.policyVersion : undefined,
        reason: refusal?.reason,
        detail: boundedOptional(refusal?.detail, maxText),
        code: refusal?.code,
        status: end.status,
        ...(isArmed(call) ? credential(call) : undefined),
        stripped: isStripped(call) ? slotsOf(call.presented) : undefined,
        ...(reply === undefined ? undefined : replied(reply)),
        duration_ms: Math.round(end.durationMs * 1_000) / 1_000,
        ...(isRouted(call) ? { owners: call.route.owners } : undefined),
      });
    },
    event(name, facts) {
      write(name, { time: isoTime(clock.now()), event: name, facts: boundedFacts(facts) });
    },
    flush: () => sink.flush(),
    close: () => sink.close(),
  };
}

function target({ route, facts }: RoutedCall): object {
  return {
    route: route.id,
    preset: route.preset,
    operation: boundedOptional(facts.operation, maxText),
    model: boundedOptional(facts.model, maxText),
    tool: boundedOptional(facts.tool, maxText),
  };
}

function replied(reply: Reply): object {
  const { address, port } = serverAddress(reply.call.upstream.origin);
  return {
    upstream: { address: `${address}:${port}`, request_id: boundedOptional(reply.upstreamRequestId, maxText) },
    bytes: { sent: reply.bytesSent, received: reply.bytesReceived },
    end: reply.end,
  };
}

function boundedFacts(facts: object): unknown {
  const text = JSON.stringify(facts);
  return text.length <= maxFacts ? facts : { truncated: bounded(text, maxFacts) };
}

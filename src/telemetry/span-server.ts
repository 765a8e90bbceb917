// The SERVER span of a call: what was asked, who asked, what was decided, how it ended.
// Written when the call has ended, after the last byte of a stream. Header values, query strings and bodies never appear.

import type { Attributes } from '@opentelemetry/api';
import type { ArmedCall, Arrival, KnownCall, PresentedCredential } from '../call.ts';
import { bounded, boundedList, boundedOptional } from './bounded.ts';
import type { CallEnd } from './call-end.ts';
import type { ParentSource } from './call-trace.ts';
import { isArmed, isKnown, isPermitted, isRouted, isStripped, methodOf, pathOf, schemeOf } from './reached.ts';

const maxPath = 1_024;
const maxListed = 32;
const maxName = 128;

/** `{method} {route}` (HTTP semantic conventions): the path itself would make a name for every call. */
export function serverSpanName({ call }: CallEnd): string {
  const method = call.method === methodOf(call.method) ? call.method : 'HTTP';
  return isRouted(call) ? `${method} ${call.route.pattern}` : method;
}

export interface ServerSpanFacts {
  readonly source: ParentSource;
  /** postern.delegation.* of a known call. */
  readonly delegation: Attributes | undefined;
  readonly user: Attributes | undefined;
}

export function serverAttributes(end: CallEnd, facts: ServerSpanFacts): Attributes {
  const { call, reply, refusal } = end;
  return {
    ...requestAttributes(call),
    'http.response.status_code': end.status,
    'error.type': end.errorType,
    'postern.request.id': call.id,
    'postern.trace.parent_source': facts.source,
    'postern.decision': end.decision,
    'postern.denial.reason': refusal?.reason,
    'postern.denial.detail': boundedOptional(refusal?.detail, maxName * 2),
    'postern.stream.end': reply?.end,
    'postern.token.verified': tokenVerified(end),
    ...(isStripped(call) ? { 'postern.credential.stripped': slotsOf(call.presented) } : undefined),
    ...(isKnown(call) ? identityAttributes(call) : undefined),
    ...facts.user,
    ...facts.delegation,
    ...(isRouted(call) ? { 'http.route': call.route.pattern, 'postern.route.id': call.route.id } : undefined),
    ...(isPermitted(call) ? ruleAttributes(call.decision) : undefined),
    ...(isArmed(call) ? credentialAttributes(call) : undefined),
  };
}

/** Names of the slots that held a credential; never what was in them. */
export function slotsOf(presented: readonly PresentedCredential[]): string[] {
  return boundedList(
    presented.map(({ slot }) => slot),
    maxListed,
    maxName,
  );
}

function requestAttributes(call: Arrival): Attributes {
  const method = methodOf(call.method);
  return {
    'http.request.method': method,
    'http.request.method_original': method === call.method ? undefined : bounded(call.method, maxName),
    'url.path': bounded(pathOf(call), maxPath),
    'url.scheme': schemeOf(call),
    'client.address': call.peer.address,
    'network.peer.address': call.peer.address,
    'network.peer.port': call.peer.port,
  };
}

/** false only where a token was presented and not accepted; nothing to say where none was. */
function tokenVerified({ call, refusal }: CallEnd): boolean | undefined {
  if (isKnown(call)) return true;
  return isStripped(call) && call.presented.length > 0 && refusal?.reason.startsWith('token_') ? false : undefined;
}

function identityAttributes(call: KnownCall): Attributes {
  return { 'postern.binding': call.binding, 'postern.caller.kind': call.caller.kind };
}

function ruleAttributes(decision: { readonly rule: string; readonly policyVersion: string }): Attributes {
  return {
    'postern.policy.id': decision.rule,
    'security_rule.name': decision.rule,
    'postern.policy.version': decision.policyVersion,
  };
}

function credentialAttributes({ credential: { facts }, cache }: ArmedCall): Attributes {
  return {
    'postern.credential.kind': facts.kind,
    'postern.token.cache.result': cache,
    'postern.token.id_hash': facts.idHash,
    'postern.token.verification': facts.verification.mode,
    'postern.token.verification.findings':
      facts.verification.findings.length === 0
        ? undefined
        : boundedList(facts.verification.findings, maxListed, maxName),
  };
}

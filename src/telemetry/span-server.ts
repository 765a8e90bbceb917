// The SERVER span of a call: what was asked, who asked, what was decided, how it ended.
// Written when the call has ended, after the last byte of a stream. Header values, query strings and bodies never appear.

import { bounded, boundedList, boundedOptional } from '../base/bounded.ts';
import type { ArmedCall, Arrival, PresentedCredential } from '../call.ts';
import { isArmed, isKnown, isPermitted, isRouted, isStripped, methodOf, pathOf, schemeOf } from '../reached.ts';
import type { CallEnd } from './call-end.ts';
import type { ParentSource } from './call-trace.ts';
import type { AttributeWriter, WriteAttributes } from './otlp-attributes.ts';

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
  readonly delegation: WriteAttributes | undefined;
  readonly user: WriteAttributes | undefined;
}

export function writeServerAttributes(to: AttributeWriter, end: CallEnd, facts: ServerSpanFacts): void {
  const { call, reply, refusal } = end;
  writeRequest(to, call);
  to.set('http.response.status_code', end.status);
  to.set('error.type', end.errorType);
  to.set('postern.request.id', call.id);
  to.set('postern.trace.parent_source', facts.source);
  to.set('postern.decision', end.decision);
  to.set('postern.denial.reason', refusal?.reason);
  to.set('postern.denial.detail', boundedOptional(refusal?.detail, maxName * 2));
  to.set('postern.stream.end', reply?.end);
  to.set('postern.token.verified', tokenVerified(end));
  if (isStripped(call)) to.set('postern.credential.stripped', slotsOf(call.presented));
  if (isKnown(call)) {
    to.set('postern.binding', call.binding);
    to.set('postern.caller.kind', call.caller.kind);
  }
  facts.user?.(to);
  facts.delegation?.(to);
  if (isRouted(call)) {
    to.set('http.route', call.route.pattern);
    to.set('postern.route.id', call.route.id);
  }
  if (isPermitted(call)) {
    to.set('postern.policy.id', call.decision.rule);
    to.set('security_rule.name', call.decision.rule);
    to.set('postern.policy.version', call.decision.policyVersion);
  }
  if (isArmed(call)) writeCredential(to, call);
}

/** Names of the slots that held a credential; never what was in them. */
export function slotsOf(presented: readonly PresentedCredential[]): string[] {
  return boundedList(
    presented.map(({ slot }) => slot),
    maxListed,
    maxName,
  );
}

function writeRequest(to: AttributeWriter, call: Arrival): void {
  const method = methodOf(call.method);
  to.set('http.request.method', method);
  if (method !== call.method) to.set('http.request.method_original', bounded(call.method, maxName));
  to.set('url.path', bounded(pathOf(call), maxPath));
  to.set('url.scheme', schemeOf(call));
  to.set('client.address', call.peer.address);
  to.set('network.peer.address', call.peer.address);
  to.set('network.peer.port', call.peer.port);
}

/** false only where a token was presented and not accepted; nothing to say where none was. */
function tokenVerified({ call, refusal }: CallEnd): boolean | undefined {
  if (isKnown(call)) return true;
  return isStripped(call) && call.presented.length > 0 && refusal?.reason.startsWith('token_') ? false : undefined;
}

function writeCredential(to: AttributeWriter, { credential: { facts }, cache }: ArmedCall): void {
  const { mode, findings } = facts.verification;
  to.set('postern.credential.kind', facts.kind);
  to.set('postern.token.cache.result', cache);
  to.set('postern.token.id_hash', facts.idHash);
  to.set('postern.token.verification', mode);
  if (findings.length > 0) to.set('postern.token.verification.findings', boundedList(findings, maxListed, maxName));
}

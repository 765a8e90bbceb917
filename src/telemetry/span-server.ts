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
  to.few('http.response.status_code', end.status);
  to.few('error.type', end.errorType);
  to.set('postern.request.id', call.id);
  to.few('postern.trace.parent_source', facts.source);
  to.few('postern.decision', end.decision);
  to.few('postern.denial.reason', refusal?.reason);
  to.set('postern.denial.detail', boundedOptional(refusal?.detail, maxName * 2));
  to.few('postern.stream.end', reply?.end);
  to.few('postern.token.verified', tokenVerified(end));
  if (isStripped(call)) to.set('postern.credential.stripped', slotsOf(call.presented));
  if (isKnown(call)) {
    to.few('postern.binding', call.binding);
    to.few('postern.caller.kind', call.caller.kind);
  }
  facts.user?.(to);
  facts.delegation?.(to);
  if (isRouted(call)) {
    const { route } = call;
    to.shared('server', route, (each) => {
      each.set('http.route', route.pattern);
      each.set('postern.route.id', route.id);
    });
  }
  if (isPermitted(call)) {
    to.few('postern.policy.id', call.decision.rule);
    to.few('security_rule.name', call.decision.rule);
    to.few('postern.policy.version', call.decision.policyVersion);
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
  to.few('http.request.method', method);
  if (method !== call.method) to.set('http.request.method_original', bounded(call.method, maxName));
  to.set('url.path', bounded(pathOf(call), maxPath));
  to.few('url.scheme', schemeOf(call));
  to.few('client.address', call.peer.address);
  to.few('network.peer.address', call.peer.address);
  to.set('network.peer.port', call.peer.port);
}

/** false only where a token was presented and not accepted; nothing to say where none was. */
function tokenVerified({ call, refusal }: CallEnd): boolean | undefined {
  if (isKnown(call)) return true;
  return isStripped(call) && call.presented.length > 0 && refusal?.reason.startsWith('token_') ? false : undefined;
}

function writeCredential(to: AttributeWriter, { credential: { facts }, cache }: ArmedCall): void {
  const { mode, findings } = facts.verification;
  to.few('postern.token.cache.result', cache);
  to.shared('server', facts, (each) => {
    each.set('postern.credential.kind', facts.kind);
    each.set('postern.token.id_hash', facts.idHash);
    each.set('postern.token.verification', mode);
    if (findings.length > 0) each.set('postern.token.verification.findings', boundedList(findings, maxListed, maxName));
  });
}

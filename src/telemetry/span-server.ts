// The SERVER span of a call: what was asked, who asked, what was decided, how it ended.
// Written when the call has ended, after the last byte of a stream. Header values, query strings and bodies never appear.

import { bounded, boundedOptional } from '../base/bounded.ts';
import type { Arrival, PresentedCredential } from '../call.ts';
import { isArmed, isKnown, isPermitted, isRouted, isStripped, methodOf, pathOf, schemeOf } from '../reached.ts';
import type { CallEnd } from './call-end.ts';
import type { ParentSource } from './call-trace.ts';
import type { AlikeValues, AttributeWriter } from './otlp-attributes.ts';

const maxPath = 1_024;
const maxListed = 32;
const maxName = 128;

/** `{method} {route}` (HTTP semantic conventions): the path itself would make a name for every call. */
export function serverSpanName({ call }: CallEnd): string {
  const method = call.method === methodOf(call.method) ? call.method : 'HTTP';
  return isRouted(call) ? `${method} ${call.route.pattern}` : method;
}

/** What follows from configuration and from closed lists: the same for most calls of a route. */
const common = [
  'http.request.method',
  'url.scheme',
  'http.response.status_code',
  'error.type',
  'postern.trace.parent_source',
  'postern.decision',
  'postern.denial.reason',
  'postern.stream.end',
  'postern.token.verified',
  'postern.binding',
  'postern.caller.kind',
  'http.route',
  'postern.route.id',
  'postern.policy.id',
  'security_rule.name',
  'postern.policy.version',
  'postern.token.cache.result',
] as const;

/** Stands for the route of calls that came to none. */
const noRoute = {};

/** All but what grant-attributes.ts writes. */
export function writeServerAttributes(to: AttributeWriter, end: CallEnd, source: ParentSource): void {
  const { call, reply, refusal } = end;
  const known = isKnown(call) ? call : undefined;
  const route = isRouted(call) ? call.route : undefined;
  const decision = isPermitted(call) ? call.decision : undefined;
  const armed = isArmed(call) ? call : undefined;
  const values: AlikeValues<typeof common> = [
    methodOf(call.method),
    schemeOf(call),
    end.status,
    end.errorType,
    source,
    end.decision,
    refusal?.reason,
    reply?.end,
    tokenVerified(end),
    known?.binding,
    known?.caller.kind,
    route?.pattern,
    route?.id,
    decision?.rule,
    decision?.rule,
    decision?.policyVersion,
    armed?.cache,
  ];
  to.alike(route ?? noRoute, common, values);
  writeRequest(to, call);
  to.set('postern.denial.detail', boundedOptional(refusal?.detail, maxName * 2));
  if (isStripped(call)) to.few('postern.credential.stripped', slotsOf(call.presented), spellSlot);
}

/** Names of the slots that held a credential; never what was in them. */
function slotsOf(presented: readonly PresentedCredential[]): string[] {
  const listed = presented.length > maxListed ? presented.slice(0, maxListed) : presented;
  return listed.map(({ slot }) => slot);
}

const spellSlot = (slot: string): string => bounded(slot, maxName);

function writeRequest(to: AttributeWriter, call: Arrival): void {
  if (methodOf(call.method) !== call.method) to.set('http.request.method_original', bounded(call.method, maxName));
  to.few('url.path', pathOf(call), spellPath);
  to.few('client.address', call.peer.address);
  to.few('network.peer.address', call.peer.address);
  to.set('network.peer.port', call.peer.port);
  to.set('postern.request.id', call.id);
}

const spellPath = (path: string): string => bounded(path, maxPath);

/** false only where a token was presented and not accepted; nothing to say where none was. */
function tokenVerified({ call, refusal }: CallEnd): boolean | undefined {
  if (isKnown(call)) return true;
  return isStripped(call) && call.presented.length > 0 && refusal?.reason.startsWith('token_') ? false : undefined;
}

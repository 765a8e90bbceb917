// How far a call came, told by the facts it carries: a refused call is recorded with exactly what was established.
// Only reads; must never be used to make a call look further along than it is.

import { TLSSocket } from 'node:tls';
import type { ArmedCall, Arrival, KnownCall, PermittedCall, RoutedCall, StrippedCall } from './call.ts';

export const isStripped = (call: Arrival): call is StrippedCall => 'presented' in call;
export const isKnown = (call: Arrival): call is KnownCall => 'chain' in call;
export const isRouted = (call: Arrival): call is RoutedCall => 'facts' in call;
export const isPermitted = (call: Arrival): call is PermittedCall => 'decision' in call;
export const isArmed = (call: Arrival): call is ArmedCall => 'credential' in call;

/** Path without query, fragment, scheme or userinfo: the parts of a target that carry credentials stay out. */
export function pathOf(call: Arrival): string {
  const target = isStripped(call) ? call.path : call.target;
  const end = target.search(/[?#]/);
  const bare = end === -1 ? target : target.slice(0, end);
  if (bare.startsWith('/')) return bare;
  const path = bare.indexOf('/', bare.indexOf('://') + 3);
  return bare.includes('://') && path !== -1 ? bare.slice(path) : '/';
}

export function schemeOf(call: Arrival): 'http' | 'https' {
  return call.transport.request.socket instanceof TLSSocket ? 'https' : 'http';
}

/** Methods that may be a label or a span name as they are (semantic conventions, http.request.method); others are `_OTHER`. */
const knownMethods = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH', 'QUERY']);

export function methodOf(method: string): string {
  return knownMethods.has(method) ? method : '_OTHER';
}

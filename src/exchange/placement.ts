// Where a credential goes on the outgoing request, compiled once per route, and where it may go at all: a credential is
// armed only for the origin its route names, so that a mistake on the way there cannot carry it away (forwarding places
// it). Must never let a value through that could end the header line it will stand in.

import { Refusal } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import type { PermittedCall, Placement } from '../call.ts';

/** As presets and routes write it. */
export type PlacementOption =
  | 'bearer'
  | 'none'
  | { readonly header: string; readonly prefix?: string | undefined }
  | { readonly query: string };

const bearer: Placement = { kind: 'header', name: 'authorization', prefix: 'Bearer ' };

export function compilePlacement(option: PlacementOption): Placement {
  if (option === 'bearer') return bearer;
  if (option === 'none') return { kind: 'none' };
  if ('query' in option) return { kind: 'query', name: option.query };
  return { kind: 'header', name: option.header.toLowerCase(), prefix: option.prefix ?? '' };
}

/** @throws Refusal `target_escapes_route` when the call was led elsewhere than where its credential belongs */
export function assertDestination(call: PermittedCall, origin: string | undefined): void {
  if (origin === undefined || origin === call.upstream.origin) return;
  throw new Refusal('target_escapes_route', { detail: 'the call goes to another origin than the credential is for' });
}

/** More does not fit in the header block of common servers, in characters. */
const maxSecretLength = 16 * 1024;

/** Whether a standing secret can stand in a header or a query at all: visible ASCII and inner spaces, bounded. */
export function isPlaceable(secret: Secret): boolean {
  return secret.length <= maxSecretLength && /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(secret.reveal());
}

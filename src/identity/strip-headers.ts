// Sorts header lines: what may be forwarded, what is a credential, what only the gate may say. One pass over the raw lines,
// so that case games and duplicates cannot hide a value. Must never forward a name it took a credential from.

import { byText } from '../base/by-text.ts';
import { Refusal } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import type { PresentedCredential, RawHeaders } from '../call.ts';
import { holdsHandle } from './handle.ts';
import {
  credentialHeaders,
  credentialPattern,
  credentialPrefixes,
  credentialValue,
  gateHeaders,
  gatePrefixExceptions,
  gatePrefixes,
  harmlessHeaders,
  harmlessPrefixes,
  hopHeaders,
  notNominable,
} from './slots-headers.ts';

/** Cookies kept apart by name; what follows is dropped all the same. Stops a header of thousands of empty cookies. */
const maxCookies = 64;

/** Longest slot name told, in characters: pattern-matched names are the agent's choice. */
const maxSlotName = 64;

type Kind = 'keep' | 'credential' | 'hop' | 'gate' | 'connection' | 'host' | 'cookie' | 'subprotocol';

/** A header's name, and what its name alone says of it; `unlisted` where the value decides. */
interface Name {
  readonly canonical: string;
  readonly slot: string;
  readonly kind: Kind | 'unlisted';
}

export interface StrippedHeaders {
  readonly headers: RawHeaders;
  readonly presented: PresentedCredential[];
  /** The Host header as sent; undefined when absent. */
  readonly host: string | undefined;
  /** Values of Sec-WebSocket-Protocol, joined. */
  readonly subprotocols: string | undefined;
}

/** @throws Refusal header_ambiguous, request_malformed */
export function stripHeaders(rawHeaders: RawHeaders): StrippedHeaders {
  const headers: string[] = [];
  const presented: PresentedCredential[] = [];
  let host: string | undefined;
  let subprotocols: string | undefined;
  let nominated: Set<string> | undefined;

  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const rawName = rawHeaders[i] ?? '';
    const value = rawHeaders[i + 1] ?? '';
    const name = nameOf(rawName);
    switch (kindOf(name, value)) {
      case 'keep':
        headers.push(rawName, value);
        break;
      case 'credential':
        presented.push(credential(name.slot, value, hasScheme(name.canonical)));
        break;
      case 'cookie':
        presentCookies(value, presented);
        break;
      case 'connection':
        nominated = addNominated(nominated, value);
        break;
      case 'subprotocol':
        subprotocols = subprotocols === undefined ? value : `${subprotocols},${value}`;
        break;
      case 'host':
        // RFC 9112 section 3.2: a second Host is a malformed request; two readers would pick two hosts.
        if (host !== undefined) throw new Refusal('header_ambiguous', { detail: 'more than one Host header' });
        host = value;
        break;
      default: // the hop's and the gate's own: neither believed nor passed on
    }
  }

  return { headers: withoutNominated(headers, nominated), presented, host, subprotocols };
}

/** A credential as it stood in a slot, its scheme told apart where the slot has one. */
export function credential(slot: string, value: string, schemed: boolean): PresentedCredential {
  const text = value.trim();
  const match = schemed ? /^([a-z][a-z0-9+._-]*)\s+(.*)$/is.exec(text) : null;
  if (match === null) return { slot, scheme: undefined, value: new Secret(text) };
  return { slot, scheme: match[1]?.toLowerCase(), value: new Secret(match[2] ?? '') };
}

const exactKinds: ReadonlyMap<string, Kind> = new Map<string, Kind>([
  ...[...harmlessHeaders, ...gatePrefixExceptions].map((name): [string, Kind] => [name, 'keep']),
  ...[...credentialHeaders].map((name): [string, Kind] => [name, 'credential']),
  ...[...hopHeaders].map((name): [string, Kind] => [name, 'hop']),
  ...[...gateHeaders].map((name): [string, Kind] => [name, 'gate']),
  ['connection', 'connection'],
  ['host', 'host'],
  ['cookie', 'cookie'],
  ['cookie2', 'cookie'],
  ['sec-websocket-protocol', 'subprotocol'],
]);

/** Remembered by the name as sent: a real SDK sends twenty, and asking every list about each took 2 us of a call. */
const nameOf = byText((rawName: string): Name => {
  const canonical = canonicalName(rawName);
  return { canonical, slot: `header:${canonical.slice(0, maxSlotName)}`, kind: kindByName(canonical) };
});

function kindByName(name: string): Name['kind'] {
  const exact = exactKinds.get(name);
  if (exact !== undefined) return exact;
  if (credentialPrefixes.some((prefix) => name.startsWith(prefix))) return 'credential';
  if (gatePrefixes.some((prefix) => name.startsWith(prefix)) || name.startsWith(':')) return 'gate';
  if (harmlessPrefixes.some((prefix) => name.startsWith(prefix))) return 'keep';
  return credentialPattern.test(name) ? 'credential' : 'unlisted';
}

/** A handle is a credential under any name that would be forwarded, a known shape of key under any that nobody listed. */
function kindOf({ kind }: Name, value: string): Kind {
  if (kind !== 'keep' && kind !== 'unlisted') return kind;
  if (holdsHandle(value)) return 'credential';
  return kind === 'unlisted' && credentialValue.test(value) ? 'credential' : 'keep';
}

function canonicalName(name: string): string {
  const lower = name.toLowerCase();
  return lower.includes('_') ? lower.replaceAll('_', '-') : lower;
}

function hasScheme(name: string): boolean {
  return name.endsWith('authorization') || name.endsWith('-auth');
}

function presentCookies(line: string, presented: PresentedCredential[]): void {
  for (const pair of line.split(';', maxCookies)) {
    const [name = '', ...value] = pair.trim().split('=');
    const told = /^[\w.-]{1,64}$/.test(name) ? name : '?';
    if (pair.trim() !== '') presented.push(credential(`cookie:${told}`, value.join('='), false));
  }
}

/**
 * RFC 9110 section 7.6.1: fields nominated by Connection end here. A nomination removes a field from what is forwarded,
 * never from what the gate reads, and may not remove a field by which policy knows the message.
 */
function addNominated(nominated: Set<string> | undefined, value: string): Set<string> | undefined {
  let names = nominated;
  for (const option of value.split(',')) {
    const name = canonicalName(option.trim());
    if (name === '' || name === 'close' || hopHeaders.has(name)) continue;
    if (notNominable.test(name)) {
      throw new Refusal('request_malformed', { detail: 'Connection nominates an end-to-end field' });
    }
    names ??= new Set();
    names.add(name);
  }
  return names;
}

function withoutNominated(headers: string[], nominated: Set<string> | undefined): RawHeaders {
  if (nominated === undefined) return headers;
  const left: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? '';
    if (!nominated.has(canonicalName(name))) left.push(name, headers[i + 1] ?? '');
  }
  return left;
}

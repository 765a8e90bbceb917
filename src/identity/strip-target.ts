// Takes credentials out of the request-target: userinfo of an absolute form and query parameters, by decoded name.
// What it cannot read without doubt it refuses; it must never repair a target, since the upstream might read it otherwise.

import { Refusal } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import type { PresentedCredential } from '../call.ts';
import { holdsHandle } from './handle.ts';
import { credentialParameterPattern, credentialParameters } from './slots.ts';
import { credential } from './strip-headers.ts';

/** Longest request-target, in characters. Stops regular expressions and routing from working on megabytes. */
const maxTarget = 16_384;

/** Query parameters read. Stops a target of thousands of empty ones. */
const maxParameters = 1_024;

/** Times a parameter name is percent-decoded: enough for a chain of decoders, few enough to end. */
const maxDecodings = 4;

/** Visible ASCII without "#" and "\": no fragment, control, space or non-ASCII character (RFC 9112 section 3.2, RFC 3986). */
const printableTarget = /^[\x21\x22\x24-\x5b\x5d-\x7e]+$/;

/** RFC 3986 host and port, without percent-encoding. */
const plainAuthority = /^(?:\[[0-9a-f:.]+\]|[a-z0-9._~-]+)(?::\d{1,5})?$/i;

export interface StrippedTarget {
  /** Path and query; starts with "/". */
  readonly path: string;
  /** Authority of an absolute-form target; undefined for origin-form. */
  readonly authority: string | undefined;
}

/**
 * @param presented credentials found are added here
 * @throws Refusal target_malformed
 */
export function stripTarget(target: string, presented: PresentedCredential[]): StrippedTarget {
  if (target.length > maxTarget) throw malformed('too long');
  if (!printableTarget.test(target)) throw malformed('characters no target may have');
  if (target.startsWith('/')) return { path: stripQuery(target, presented), authority: undefined };

  const absolute = /^https?:\/\/([^/?]*)(.*)$/i.exec(target);
  if (absolute === null) throw malformed('neither origin-form nor absolute-form');
  const [, authority = '', rest = ''] = absolute;
  const host = stripUserinfo(authority, presented);
  return { path: stripQuery(rest.startsWith('/') ? rest : `/${rest}`, presented), authority: host };
}

/**
 * Authority of a Host header.
 * @returns undefined for an absent or empty header
 * @throws Refusal request_malformed
 */
export function readHost(host: string | undefined): string | undefined {
  if (host === undefined || host === '') return undefined;
  if (!plainAuthority.test(host)) throw new Refusal('request_malformed', { detail: 'Host is not a host and port' });
  return host.toLowerCase();
}

function stripUserinfo(authority: string, presented: PresentedCredential[]): string {
  const parts = authority.split('@');
  const host = parts.at(-1) ?? '';
  // "a@b@c": parsers disagree about where the host begins.
  if (parts.length > 2 || !plainAuthority.test(host)) throw malformed('authority is not a host and port');
  if (parts.length === 2) {
    presented.push({ slot: 'userinfo', scheme: 'basic', value: new Secret(decoded(parts[0] ?? '')) });
  }
  return host.toLowerCase();
}

/** Removes credential parameters. ";" and a second "?" separate too: some upstreams read them so (CVE-2021-23336). */
function stripQuery(path: string, presented: PresentedCredential[]): string {
  const start = path.indexOf('?');
  if (start === -1) return path;
  const pieces = path.slice(start + 1).split(/([&;?])/);
  if (pieces.length > 2 * maxParameters) throw malformed('too many query parameters');

  let kept = '';
  for (let i = 0; i < pieces.length; i += 2) {
    const piece = pieces[i] ?? '';
    const equals = piece.indexOf('=');
    const name = canonicalName(equals === -1 ? piece : piece.slice(0, equals));
    if (credentialParameters.has(name) || credentialParameterPattern.test(name) || holdsHandle(piece)) {
      presented.push(parameter(name, equals === -1 ? '' : piece.slice(equals + 1)));
    } else {
      kept += kept === '' ? piece : `${pieces[i - 1] ?? '&'}${piece}`;
    }
  }
  return kept === '' ? path.slice(0, start) : `${path.slice(0, start)}?${kept}`;
}

function parameter(name: string, value: string): PresentedCredential {
  const schemed = name === 'authorization';
  return credential(`query:${name.slice(0, 64)}`, decoded(schemed ? value.replaceAll('+', ' ') : value), schemed);
}

/** A parameter name as the most lenient upstream would read it: decoded until it stays, without case, punctuation, `[]`. */
function canonicalName(raw: string): string {
  let name = raw;
  for (let i = 0; name.includes('%') && i < maxDecodings; i += 1) {
    name = name.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
  if (/%[0-9a-f]{2}/i.test(name)) throw malformed('query parameter name encoded too often');
  return name
    .toLowerCase()
    .replace(/\[.*$/s, '')
    .replace(/[^a-z0-9]/g, '');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function malformed(detail: string): Refusal {
  return new Refusal('target_malformed', { detail });
}

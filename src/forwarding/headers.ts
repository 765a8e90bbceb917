// The one header helper of every outgoing request, plain, replayed or upgraded: what the agent sent is filtered by the
// route's allow-list, what the gate says is added, the credential is placed last and exactly once.
// Must never pass on a credential, a hop-by-hop name or framing of the agent's, nor send an empty credential.

import { byText } from '../base/by-text.ts';
import { Refusal } from '../base/errors.ts';
import { type FieldValue, toFieldValue } from '../base/http1/field-value.ts';
import type { Secret } from '../base/secret.ts';
import type { ArmedCall } from '../call.ts';
import type { Placement } from '../credential.ts';
import { type Guarded, guardedBy } from './guard.ts';

/** Sent on by every route: what says how the body and the answer are to be read. */
const alwaysForwarded = [
  'accept',
  'accept-language',
  'content-encoding',
  'content-language',
  'content-type',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'range',
  'user-agent',
];

/**
 * What has an answer sent in pieces (RFC 9110 section 14). The response guard looks for the whole credential: an upstream that
 * reflects it would give it out half by half.
 */
const pieceHeaders = new Set(['range', 'if-range']);

/** Never taken from an agent or from `set_headers`, whatever a route says: framing, hops, trace and identity are the gate's. */
const gateOwned = new Set([
  ...[
    'connection',
    'keep-alive',
    'proxy-connection',
    'te',
    'trailer',
    'transfer-encoding',
    'upgrade',
    'http2-settings',
  ],
  ...['host', 'content-length', 'expect', 'accept-encoding', 'forwarded', 'via', 'max-forwards', 'referer'],
  ...['traceparent', 'tracestate', 'x-request-id', 'mcp-session-id'],
  ...['authorization', 'proxy-authorization', 'proxy-authenticate', 'cookie', 'cookie2'],
  // Anthropic's API takes exactly one of x-api-key and authorization; an empty x-api-key counts (litellm#21039).
  ...['x-api-key', 'api-key', 'x-goog-api-key', 'dpop', 'txn-token'],
  ...['x-amz-security-token', 'x-amz-date', 'x-amz-content-sha256', 'x-amz-region-set'],
]);
const gateOwnedPrefixes = ['x-forwarded-', 'proxy-', 'sec-websocket-', 'postern-'];

/** RFC 9110 section 5.5, visible ASCII and inner spaces: what a placed or configured value may consist of. */
const sendable = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;
const token = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

/** Where the credential goes on the outgoing request, when it is itself sent. */
export interface PlacedCredential {
  /** Header name in lower case; undefined when the credential is in the path or there is none. */
  readonly name: string | undefined;
  readonly value: FieldValue;
  /** Path and query to request, the credential added where it is placed in the query. */
  readonly path: string;
  /** What no answer may hold. */
  readonly guarded: Guarded;
}

interface InHeader extends Pick<PlacedCredential, 'value' | 'guarded'> {
  readonly placement: Placement;
  readonly name: string;
}

/**
 * Headers by the credential they are made of, given up with it: checking a JWT's every character took 1 us of a call. Not kept in the
 * object as other things are (`base/remembered.ts`): this is the value itself, and whoever looks at a secret must not find it.
 */
const inHeaders = new WeakMap<Secret, InHeader>();

const noValue = toFieldValue('');

/**
 * Places the credential of a call. Called at the last moment before sending; the result must not outlive the attempt.
 * @throws Refusal `secret_unavailable` when the credential is empty or cannot be sent as it is.
 */
export function placeCredential(call: ArmedCall): PlacedCredential {
  const { placement, secret } = call.credential;
  const { path } = call.upstream;
  const known = secret && inHeaders.get(secret);
  if (known?.placement === placement) return { name: known.name, value: known.value, path, guarded: known.guarded };
  const guarded = guardedBy(secret, placement.kind);
  // What signs the request is not on it: see signing.ts.
  if (placement.kind === 'none' || placement.kind === 'sigv4' || placement.kind === 'dpop') {
    return { name: undefined, value: noValue, path, guarded };
  }
  const revealed = secret?.reveal() ?? '';
  if (secret === undefined || !sendable.test(revealed)) {
    throw new Refusal('secret_unavailable', {
      detail: 'the credential is empty or has characters no request can carry',
    });
  }
  if (placement.kind === 'header') {
    const [name, value] = [placement.name.toLowerCase(), toFieldValue(inOnePiece(placement.prefix + revealed))];
    inHeaders.set(secret, { placement, name, value, guarded });
    return { name, value, path, guarded };
  }
  const separator = path.includes('?') ? '&' : '?';
  const query = `${placement.name}=${encodeURIComponent(revealed)}`;
  return { name: undefined, value: noValue, path: `${path}${separator}${query}`, guarded };
}

/** Joined text is a tree of its parts, which lie apart and are all read again with each use. */
function inOnePiece(ascii: string): string {
  return Buffer.from(ascii, 'latin1').toString('latin1');
}

export interface RequestHeaderRules {
  readonly guard: boolean;
  readonly forwardHeaders: readonly string[];
  readonly setHeaders: Readonly<Record<string, string>>;
  readonly appendHeaders?: Readonly<Record<string, string>>;
}

/** What the gate itself adds to one attempt. */
export interface GateFacts {
  readonly placed: PlacedCredential;
  readonly traceparent: string;
  /** For the agent behind an inbound listener alone; no upstream is given one. */
  readonly tracestate?: Secret | undefined;
  /** The upstream's own MCP session id, already opened and verified. */
  readonly session: string | undefined;
}

/** Flat header lines (name, value, ...) of one attempt; framing and host are added by what sends it. */
export type WriteRequestHeaders = (call: ArmedCall, facts: GateFacts) => string[];

/** What a route says of a header by its name. */
interface Field {
  readonly lower: string;
  readonly forwarded: boolean;
  readonly piece: boolean;
  readonly encoding: boolean;
}

/** Whether a header belongs to the gate and may not be set by configuration. */
export function isGateOwned(name: string): boolean {
  const lower = name.toLowerCase();
  return gateOwned.has(lower) || gateOwnedPrefixes.some((prefix) => lower.startsWith(prefix));
}

/** @throws TypeError when `setHeaders` or `appendHeaders` names a header of the gate's, or has a value no header can have. */
export function compileRequestHeaders(rules: RequestHeaderRules): WriteRequestHeaders {
  const set = checkedPairs(rules.setHeaders);
  const append = new Map(checkedPairs(rules.appendHeaders ?? {}));
  const replaced = new Set(set.map(([name]) => name));
  const patterns = [...alwaysForwarded, ...rules.forwardHeaders.map((name) => name.toLowerCase())];
  const names = new Set(patterns.filter((name) => !name.endsWith('*') && !replaced.has(name) && !isGateOwned(name)));
  const prefixes = patterns.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1));

  const forwards = (name: string): boolean =>
    names.has(name) ||
    (prefixes.some((prefix) => name.startsWith(prefix)) && !replaced.has(name) && !isGateOwned(name));

  /** By the name as sent: every call of an SDK has the same. */
  const fieldOf = byText((name): Field => {
    const lower = name.toLowerCase();
    return { lower, forwarded: forwards(lower), piece: pieceHeaders.has(lower), encoding: lower === 'accept-encoding' };
  });

  return function writeRequestHeaders(call, { placed, traceparent, tracestate, session }) {
    const out: string[] = [];
    const lists = append.size === 0 ? undefined : new Map<string, string[]>();
    const { headers } = call;
    const whole = rules.guard && call.credential.placement.kind !== 'none';
    for (let i = 0; i < headers.length; i += 2) {
      const name = headers[i];
      const value = headers[i + 1];
      if (name === undefined || value === undefined) continue;
      const { lower, forwarded, piece, encoding } = fieldOf(name);
      if (lower === placed.name || !forwarded || (whole && piece)) {
        // With the guard off, compression is between agent and upstream; with it on, the bytes must be readable.
        if (encoding && !rules.guard) out.push(name, value);
        continue;
      }
      if (lists !== undefined && append.has(lower)) lists.set(lower, [...(lists.get(lower) ?? []), value]);
      else out.push(name, value);
    }
    // A configured header never stands in for the credential, nor beside it.
    for (const [name, value] of set) if (name !== placed.name) out.push(name, value);
    for (const [name, value] of append) out.push(name, appended(lists?.get(name) ?? [], value));
    if (rules.guard) out.push('accept-encoding', 'identity');
    if (session !== undefined) out.push('mcp-session-id', session);
    out.push('x-request-id', call.id, 'traceparent', traceparent);
    if (tracestate !== undefined) out.push('tracestate', tracestate.reveal());
    if (placed.name !== undefined) out.push(placed.name, placed.value);
    return out;
  };
}

function appended(sent: readonly string[], value: string): string {
  const items = sent.flatMap((line) => line.split(',').map((item) => item.trim())).filter((item) => item !== '');
  for (const item of value.split(',').map((part) => part.trim())) if (!items.includes(item)) items.push(item);
  return items.join(',');
}

function checkedPairs(headers: Readonly<Record<string, string>>): [string, string][] {
  return Object.entries(headers).map(([spelled, value]) => {
    const name = spelled.toLowerCase();
    if (isGateOwned(name)) throw new TypeError(`the header ${name} is set by the gate itself`);
    if (!token.test(name) || !sendable.test(value)) throw new TypeError(`the header ${name} cannot be sent like this`);
    return [name, value];
  });
}

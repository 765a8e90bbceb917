// The one header helper of every response: drops what is for this hop only, what would set state at the gate's own origin and
// what holds the credential; rewrites URLs of the upstream; adds our request id.
// Must never pass on a header with the placed credential, a cookie, a challenge of the upstream's or a URL around the gate.

import { byText } from '../base/by-text.ts';
import { Refusal } from '../base/errors.ts';
import type { ArmedCall, RawHeaders } from '../call.ts';
import { type Guarded, isTextual } from './guard.ts';
import { compileLocations, type LocationRules } from './locations.ts';

/** Header lines accepted of an upstream; stops one that sends thousands (the block's bytes are bounded by the parser). */
const maxHeaderLines = 256;

const dropped = [
  // RFC 9110 section 7.6.1: for this hop only
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'upgrade'],
  // state the upstream would set at the gate's origin, for every route of it
  ...['set-cookie', 'set-cookie2', 'alt-svc', 'strict-transport-security', 'clear-site-data', 'public-key-pins'],
  ...['nel', 'report-to', 'reporting-endpoints', 'service-worker-allowed', 'refresh'],
];
/** For the gate's credential, not the agent's. */
const challenges = ['www-authenticate', 'authentication-info'];
/** For the gate's proofs (RFC 9449 section 8), whoever the challenge is for: agents make none. */
const nonces = ['dpop-nonce'];
const droppedPrefixes = ['proxy-', 'postern-', 'sec-websocket-'];

/** Upstream request ids as vendors name them; the first found is recorded. */
const requestIds = [
  ...['x-request-id', 'request-id', 'x-amzn-requestid', 'apim-request-id', 'x-ms-request-id', 'x-github-request-id'],
  // Cohere, DeepSeek, Mistral, OpenRouter, Pinecone, Slack
  ...['x-debug-trace-id', 'x-ds-trace-id', 'mistral-correlation-id', 'x-generation-id', 'x-pinecone-request-id'],
  'x-slack-req-id',
];

/** A request id is recorded only when it looks like one. */
const plausibleId = /^[\x21-\x7e]{1,128}$/;

export interface ResponseHead {
  /** Flat lines for the client. */
  readonly lines: string[];
  /** `content-length` of the upstream; undefined for a body without known end. */
  readonly length: number | undefined;
  readonly upstreamRequestId: string | undefined;
  /** Whether the body is to be searched for the credential. */
  readonly guarded: boolean;
}

export interface ResponseHeaderRules extends LocationRules {
  readonly guard: boolean;
  readonly mcp: boolean;
  readonly dropResponseHeaders: readonly string[];
  readonly relayUnauthorized?: boolean;
  /** Binds the upstream's MCP session id to the call's identities. */
  readonly sealSession: (call: ArmedCall, id: string) => string;
}

/**
 * @param lines header lines as the upstream sent them
 * @param credential the spellings of the placed one
 * @param bodiless whether no body follows (HEAD, 204, 304)
 * @throws Refusal `upstream_answer_malformed` for ambiguous framing, `upstream_encoding_refused` for a body that had to be
 * readable and is not.
 */
export type ReadResponseHead = (
  call: ArmedCall,
  lines: RawHeaders,
  credential: Guarded,
  bodiless: boolean,
) => ResponseHead;

type Action =
  | 'pass'
  | 'drop'
  | 'length'
  | 'framing'
  | 'type'
  | 'encoding'
  | 'path'
  | 'url'
  | 'links'
  | 'id'
  | 'session';

export function compileResponseHeaders(rules: ResponseHeaderRules): ReadResponseHead {
  const locations = compileLocations(rules);
  const unwanted = [
    ...dropped,
    ...nonces,
    ...(rules.relayUnauthorized ? [] : challenges),
    ...rules.dropResponseHeaders,
  ];
  const actions = new Map<string, Action>([
    ...unwanted.map((name): [string, Action] => [name.toLowerCase(), 'drop']),
    ...requestIds.map((name): [string, Action] => [name, 'id']),
    ['content-length', 'length'],
    ['transfer-encoding', 'framing'],
    ['content-type', 'type'],
    ['content-encoding', 'encoding'],
    ['location', 'path'],
    ['content-location', 'path'],
    ['link', 'links'],
    // Read by SDKs that use them as they are: absolute, and each a capability at the upstream.
    ['x-goog-upload-url', 'url'],
    ['x-goog-upload-control-url', 'url'],
    ['operation-location', 'url'],
    ['azure-asyncoperation', 'url'],
    ...(rules.mcp ? [['mcp-session-id', 'session'] satisfies [string, Action]] : []),
  ]);

  const actionOf = byText((name): Action => {
    const lower = name.toLowerCase();
    return actions.get(lower) ?? (droppedPrefixes.some((prefix) => lower.startsWith(prefix)) ? 'drop' : 'pass');
  });

  return function readResponseHead(call, lines, credential, bodiless) {
    if (lines.length > 2 * maxHeaderLines) throw malformed('too many header lines');
    const nominated = nominatedNames(lines);
    const out: string[] = [];
    let length: number | undefined;
    let upstreamRequestId: string | undefined;
    let contentType: string | undefined;
    let encoded = false;

    for (let i = 0; i < lines.length; i += 2) {
      const name = lines[i];
      let value: string | undefined = lines[i + 1];
      if (name === undefined || value === undefined) continue;
      if (holdsAny(value, credential)) continue;
      switch (actionOf(name)) {
        case 'drop':
          continue;
        case 'length':
          if (length !== undefined || !/^\d{1,15}$/.test(value)) throw malformed('an ambiguous content-length');
          length = Number(value);
          break;
        case 'framing':
          // A coding besides chunked would be lost with the header, and the body unreadable (or smuggled).
          if (value.trim().toLowerCase() !== 'chunked') throw malformed('an unknown transfer-encoding');
          continue;
        case 'type':
          contentType = value;
          break;
        case 'encoding':
          encoded ||= value.trim() !== '' && value.trim().toLowerCase() !== 'identity';
          break;
        case 'path':
          value = locations.toGate(call, value);
          break;
        case 'url':
          value = locations.toGateUrl(call, value);
          break;
        case 'links':
          value = locations.toGateLinks(call, value);
          break;
        case 'id':
          if (plausibleId.test(value)) upstreamRequestId ??= value;
          if (name.toLowerCase() === 'x-request-id') continue;
          break;
        case 'session':
          value = rules.sealSession(call, value);
          break;
      }
      if (value !== undefined && !nominated?.has(name.toLowerCase())) out.push(name, value);
    }

    out.push('x-request-id', call.id);
    const guarded = !bodiless && rules.guard && credential.forms.length > 0 && isTextual(contentType);
    if (guarded && encoded) throw new Refusal('upstream_encoding_refused', { detail: 'the body is compressed' });
    return { lines: out, length, upstreamRequestId, guarded };
  };
}

function holdsAny(value: string, { forms, shortest }: Guarded): boolean {
  if (value.length < shortest) return false;
  for (const form of forms) if (value.includes(form)) return true;
  return false;
}

/** Names listed in Connection (RFC 9110 section 7.6.1), besides the options every upstream sends. */
function nominatedNames(lines: RawHeaders): Set<string> | undefined {
  let names: Set<string> | undefined;
  for (let i = 0; i < lines.length; i += 2) {
    if (lines[i]?.length !== 10 || lines[i]?.toLowerCase() !== 'connection') continue;
    for (const item of (lines[i + 1] ?? '').toLowerCase().split(',')) {
      const name = item.trim();
      if (name === '' || name === 'keep-alive' || name === 'close') continue;
      names ??= new Set();
      names.add(name);
    }
  }
  return names;
}

function malformed(detail: string): Refusal {
  return new Refusal('upstream_answer_malformed', { detail });
}

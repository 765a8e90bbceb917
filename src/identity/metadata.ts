// Reads an issuer's published documents: discovery (OpenID Connect Discovery 1.0, RFC 8414) and plain JSON such as a JWKS.
// Must never take a URL from a token, follow a redirect, or accept metadata that speaks for another issuer.

import { Refusal } from '../base/errors.ts';
import { type Send, SendFailure } from '../base/ports.ts';
import type { Json } from '../principal.ts';
import { isJsonObject } from './strict-json.ts';
import { maySend } from './trust-schema.ts';

/** Largest document accepted, in bytes: a real JWKS has a few KiB. Stops an issuer's host from filling our memory. */
const maxDocumentBytes = 262_144;

/** Time for one document, in milliseconds: a slow issuer must not hold calls. */
const documentTimeoutMs = 5_000;

/** Seconds after which a refused client may try again. */
const retryAfter = 5;

export interface DiscoverOptions {
  readonly issuer: string;
  readonly insecureHttp: boolean;
  readonly send: Send;
}

/**
 * The issuer's `jwks_uri`.
 * @throws Refusal keys_unavailable
 */
export async function discoverJwksUri({ issuer, insecureHttp, send }: DiscoverOptions): Promise<string> {
  for (const url of metadataUrls(issuer)) {
    const document = await readIfThere(send, url);
    if (document === undefined) continue;
    // RFC 8414 section 3.3: otherwise one tenant of a host could publish metadata in another's name.
    if (!isJsonObject(document) || document['issuer'] !== issuer) throw unavailable('metadata names another issuer');
    const location = document['jwks_uri'];
    if (typeof location !== 'string' || !maySend(location, insecureHttp) || isLess(location, issuer)) {
      throw unavailable('metadata has no acceptable jwks_uri');
    }
    return location;
  }
  throw unavailable('no metadata document');
}

/** An issuer that is reached by https names nothing less: no exception holds for what its metadata chooses. */
function isLess(location: string, issuer: string): boolean {
  return new URL(issuer).protocol === 'https:' && new URL(location).protocol !== 'https:';
}

/**
 * One JSON document by GET.
 * @throws Refusal keys_unavailable
 */
export async function readDocument(send: Send, url: string): Promise<Json> {
  const document = await readIfThere(send, url);
  if (document === undefined) throw unavailable('answered without a document');
  return document;
}

export function unavailable(detail: string, cause?: unknown): Refusal {
  return new Refusal('keys_unavailable', { detail, retryAfter, cause });
}

/** OpenID Connect appends to the issuer; RFC 8414 section 3.1 inserts between host and path. */
function metadataUrls(issuer: string): string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  return [
    `${origin}${path}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
  ];
}

/** undefined when the server has no such document (any 4xx but 429): then the next place is tried. */
async function readIfThere(send: Send, url: string): Promise<Json | undefined> {
  const { status, body } = await get(send, url);
  if (status >= 400 && status < 500 && status !== 429) return undefined;
  if (status !== 200) throw unavailable(`HTTP status ${status}`);
  try {
    const document: Json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    return document;
  } catch {
    throw unavailable('document is not JSON');
  }
}

async function get(send: Send, url: string) {
  try {
    return await send({
      url,
      method: 'GET',
      headers: { accept: 'application/json, application/jwk-set+json' },
      maxBytes: maxDocumentBytes,
      timeoutMs: documentTimeoutMs,
    });
  } catch (failure) {
    throw unavailable(failure instanceof SendFailure ? failure.kind : 'unreachable', failure);
  }
}

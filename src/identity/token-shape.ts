// Reads a compact JWT (bounded by jwt.ts) before its signature is checked: strictly, and only to learn whose it claims to be.
// Nothing read here is believed until jwt.ts has verified the signature over the same bytes.

import { Refusal } from '../base/errors.ts';
import type { Json, JsonObject } from '../principal.ts';
import { isJsonObject, parseStrictJson } from './strict-json.ts';

/** Longest `kid`, in characters; it is compared and never used as a path, URL or query. */
const maxKeyId = 1_024;

/** Most audiences of one token. */
const maxAudiences = 64;

/** Header parameters that bring or fetch a key, or change how the rest is read: never honoured, so never accepted (RFC 8725). */
const refusedParameters = ['jku', 'x5u', 'jwk', 'crit', 'b64', 'zip', 'enc'];

export interface TokenShape {
  readonly algorithm: string;
  /** `typ` as written; undefined when there is none. */
  readonly type: string | undefined;
  /** undefined when there is none; only transaction tokens may be without. */
  readonly issuer: string | undefined;
  readonly audiences: readonly string[];
  readonly claims: JsonObject;
}

/** @throws Refusal token_malformed, token_algorithm_refused, token_claims_invalid */
export function readShape(text: string): TokenShape {
  const segments = /^([\w-]+)\.([\w-]+)\.([\w-]*)$/.exec(text);
  if (segments === null) throw malformed('not three base64url segments');
  const header = readObject(segments[1] ?? '');
  const claims = readObject(segments[2] ?? '');

  const algorithm = header['alg'];
  if (typeof algorithm !== 'string') throw new Refusal('token_algorithm_refused', { detail: 'no alg' });
  const refused = refusedParameters.find((name) => header[name] !== undefined);
  if (refused !== undefined) throw malformed(`header parameter ${refused}`);
  const { typ, kid } = header;
  if (typ !== undefined && typeof typ !== 'string') throw malformed('typ is not text');
  if (kid !== undefined && (typeof kid !== 'string' || kid.length > maxKeyId)) throw malformed('kid is not short text');

  const issuer = claims['iss'];
  if (issuer !== undefined && typeof issuer !== 'string') throw new Refusal('token_claims_invalid', { detail: 'iss' });
  return { algorithm, type: typ, issuer, audiences: readAudiences(claims['aud']), claims };
}

/** Whether a value was meant as a token: then a broken one is refused and never taken for a placeholder. */
export function looksLikeToken(text: string): boolean {
  return text.startsWith('eyJ') || /^[\w-]+\.[\w-]+\.[\w-]*$/.test(text);
}

function readAudiences(aud: Json | undefined): readonly string[] {
  const list = typeof aud === 'string' ? [aud] : Array.isArray(aud) ? aud : [];
  if (list.length > maxAudiences || !list.every((item) => typeof item === 'string')) {
    throw new Refusal('token_claims_invalid', { detail: 'aud' });
  }
  return list;
}

function readObject(segment: string): JsonObject {
  const value = parseStrictJson(decode(segment));
  if (!isJsonObject(value)) throw malformed('not a JSON object');
  return value;
}

/** A BOM is kept, so that JSON refuses it; broken UTF-8 is refused here, not replaced. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(segment: string): string {
  try {
    return utf8.decode(Buffer.from(segment, 'base64url'));
  } catch {
    throw malformed('not UTF-8');
  }
}

function malformed(detail: string): Refusal {
  return new Refusal('token_malformed', { detail });
}

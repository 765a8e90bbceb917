// An issuer's public keys as published at one moment, and the one that fits a token's header.
// Must never verify with a key that is symmetric, private, weak or not meant for signatures.

import { type CryptoKey, createLocalJWKSet, errors, type JWK, type JWSHeaderParameters } from 'jose';
import { Refusal } from '../base/errors.ts';
import type { Json, JsonObject } from '../principal.ts';
import { unavailable } from './metadata.ts';
import { isJsonObject } from './strict-json.ts';

/** Most keys of one issuer; stops a search and import of thousands. */
const maxKeys = 128;

/** RSA moduli in bits: RFC 7518 section 3.3 demands 2048; above 8192 each verification costs too much. */
const minModulusBits = 2_048;
const maxModulusBits = 8_192;

/** Asymmetric key types; `oct` in a JWKS would be a published secret. */
const keyTypes: ReadonlySet<Json | undefined> = new Set(['RSA', 'EC', 'OKP']);

export interface KeySet {
  readonly size: number;
  /** Keys left out: symmetric, private, weak. */
  readonly refused: number;
  /**
   * @returns undefined when no key fits
   * @throws Refusal token_key_unknown when the header fits several keys or one that cannot be used
   */
  find(header: JWSHeaderParameters): Promise<CryptoKey | undefined>;
}

/** @throws Refusal keys_unavailable */
export function readKeySet(document: Json): KeySet {
  const published = isJsonObject(document) ? document['keys'] : undefined;
  if (!Array.isArray(published) || published.length > maxKeys) throw unavailable('not a JWKS of acceptable size');
  const usable = published.filter(isUsable);
  const resolve = createLocalJWKSet({ keys: usable.map(asJwk) });
  return {
    size: usable.length,
    refused: published.length - usable.length,
    async find(header) {
      try {
        return await resolve(header);
      } catch (failure) {
        if (failure instanceof errors.JWKSNoMatchingKey) return undefined;
        const ambiguous = failure instanceof errors.JWKSMultipleMatchingKeys;
        const detail = ambiguous ? 'more than one key fits: the token names none' : 'the key that fits cannot be used';
        throw new Refusal('token_key_unknown', { detail, cause: failure });
      }
    },
  };
}

function isUsable(key: Json): key is JsonObject {
  if (!isJsonObject(key) || !keyTypes.has(key['kty']) || key['d'] !== undefined) return false;
  if (key['kty'] !== 'RSA') return true;
  const bits = modulusBits(key['n']);
  return bits >= minModulusBits && bits <= maxModulusBits;
}

function modulusBits(modulus: Json | undefined): number {
  if (typeof modulus !== 'string') return 0;
  const bytes = Buffer.from(modulus, 'base64url');
  const first = bytes.findIndex((byte) => byte !== 0);
  if (first === -1) return 0;
  return (bytes.length - first) * 8 - Math.clz32(bytes[first] ?? 0) + 24;
}

/** Only the members of a public key; jose checks their values when it imports them. */
function asJwk(key: JsonObject): JWK {
  const jwk: JWK = {};
  for (const name of ['kty', 'kid', 'use', 'alg', 'crv', 'n', 'e', 'x', 'y'] as const) {
    const value = key[name];
    if (typeof value === 'string') jwk[name] = value;
  }
  const operations = key['key_ops'];
  if (Array.isArray(operations)) jwk.key_ops = operations.filter((operation) => typeof operation === 'string');
  return jwk;
}

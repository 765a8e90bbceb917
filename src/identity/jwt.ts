// Verifies JWTs of trusted issuers (RFC 7519, RFC 8725): refuse first, then issuer-to-key binding, signature, claims.
// The issuer chooses among configured entries and nothing in a token can add a key, an algorithm or an address.

import { hash } from 'node:crypto';
import { errors, jwtVerify } from 'jose';
import type { Awaitable } from '../base/awaitable.ts';
import { asRefusal, type Reason, Refusal } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import type { Secret } from '../base/secret.ts';
import type { VerifiedToken } from '../principal.ts';
import { readVerified } from './token-claims.ts';
import { createTokenMemory } from './token-memory.ts';
import { readShape, type TokenShape } from './token-shape.ts';
import { checkTransaction, pickDomain } from './transaction.ts';
import type { Trust, TrustEntry } from './trust.ts';
import { normalType, type TrustConfig, transactionType } from './trust-schema.ts';

/** Longest token, in characters; the limit of the strictest vendor (Anthropic). Stops hashing and parsing of megabytes. */
const maxToken = 16_384;

/** Verifies one token, at once if it was verified before. @throws Refusal `token_*`, `keys_unavailable`, `principal_kind_undecided`, `chain_*` */
export type Verify = (token: Secret) => Awaitable<VerifiedToken>;

export interface VerifyOptions {
  readonly trust: Trust;
  readonly clock: Clock;
  /** What is verified: a token of one kind is never accepted as the other, wherever it was presented before. */
  readonly accept: TrustConfig['accept'];
}

export function createVerify({ trust, clock, accept }: VerifyOptions): Verify {
  const memory = createTokenMemory(clock);
  const pick = accept === 'txn_token' ? pickDomain : pickEntry;

  async function check(token: Secret, digest: string): Promise<VerifiedToken> {
    const text = token.reveal();
    try {
      const shape = readShape(text);
      const entry = pick(trust, shape);
      checkHeader(shape, entry);
      await checkSignatureAndTimes(text, shape, entry, clock.now());
      if (accept === 'txn_token') checkTransaction(shape.claims);
      const verified = readVerified(token, shape, entry, clock.now());
      memory.keep(text, verified, validUntil(verified, entry));
      return verified;
    } catch (failure) {
      const refusal = asTokenRefusal(failure);
      memory.keepRefusal(digest, refusal);
      throw refusal;
    }
  }

  return function verify(token) {
    if (token.length > maxToken) throw new Refusal('token_oversize', { detail: `${token.length} characters` });
    const text = token.reveal();
    const remembered = memory.recall(text);
    if (remembered !== undefined) return remembered;
    const digest = hash('sha256', text, 'base64url');
    memory.recallRefusal(digest);
    return check(token, digest);
  };
}

/** One issuer may have several entries, for different audiences; the schema allows no overlap. */
function pickEntry(trust: Trust, { issuer, audiences, type }: TokenShape): TrustEntry {
  if (type !== undefined && normalType(type) === transactionType) {
    throw new Refusal('token_type_refused', { detail: 'a transaction token, which has its own header' });
  }
  if (issuer === undefined) throw new Refusal('token_claims_invalid', { detail: 'no iss' });
  const entries = trust.ofIssuer(issuer);
  if (entries === undefined) throw new Refusal('token_issuer_unknown', { detail: issuer });
  const entry = entries.find(({ config }) => config.audiences.some((audience) => audiences.includes(audience)));
  if (entry === undefined) throw new Refusal('token_audience_mismatch', { detail: audiences.join(' ') });
  return entry;
}

/** RFC 8725 sections 3.1 and 3.11: algorithms and types by allow-list, so that a token of another kind cannot pass for one. */
function checkHeader({ algorithm, type }: TokenShape, { algorithms, types }: TrustEntry): void {
  if (!algorithms.has(algorithm)) throw new Refusal('token_algorithm_refused', { detail: algorithm });
  const normal = type === undefined ? 'absent' : normalType(type);
  if (!types.has(normal) || (normal === 'absent' && type !== undefined)) {
    throw new Refusal('token_type_refused', { detail: normal });
  }
}

async function checkSignatureAndTimes(text: string, shape: TokenShape, entry: TrustEntry, now: number): Promise<void> {
  const { issuer, audiences, algorithms, clock_skew: skew, max_token_age: maxAge } = entry.config;
  await jwtVerify(text, (header) => entry.keys.find(header), {
    // Only a transaction token gets here without: its keys, those of its trust domain, are all that say who made it.
    ...(shape.issuer === undefined ? {} : { issuer }),
    audience: audiences,
    algorithms,
    requiredClaims: ['exp', 'sub'],
    clockTolerance: skew / 1_000,
    currentDate: new Date(now),
    ...(maxAge === undefined ? {} : { maxTokenAge: maxAge / 1_000 }),
  });
}

/** Milliseconds since the epoch; the skew allowed when it was verified is not added. */
function validUntil({ expiresAt, principal }: VerifiedToken, { config }: TrustEntry): number {
  const issuedAt = principal.claims['iat'];
  if (config.max_token_age === undefined || typeof issuedAt !== 'number') return expiresAt * 1_000;
  return Math.min(expiresAt * 1_000, issuedAt * 1_000 + config.max_token_age);
}

function asTokenRefusal(failure: unknown): Refusal {
  if (!(failure instanceof errors.JOSEError)) return asRefusal(failure);
  // Not kept as a cause: it carries the claims, and causes are logged.
  return new Refusal(reasonOf(failure), { detail: failure.code });
}

const reasonsByCode: ReadonlyMap<string, Reason> = new Map<string, Reason>([
  ['ERR_JWT_EXPIRED', 'token_expired'],
  ['ERR_JOSE_ALG_NOT_ALLOWED', 'token_algorithm_refused'],
  ['ERR_JOSE_NOT_SUPPORTED', 'token_algorithm_refused'],
  ['ERR_JWS_SIGNATURE_VERIFICATION_FAILED', 'token_signature_invalid'],
]);

const reasonsByClaim: ReadonlyMap<string, Reason> = new Map<string, Reason>([
  ['aud', 'token_audience_mismatch'],
  ['iss', 'token_issuer_unknown'],
  ['typ', 'token_type_refused'],
  ['nbf', 'token_not_yet_valid'],
  ['iat', 'token_not_yet_valid'],
]);

function reasonOf(failure: errors.JOSEError): Reason {
  if (failure instanceof errors.JWTClaimValidationFailed) {
    const decided = failure.reason === 'check_failed' ? reasonsByClaim.get(failure.claim) : undefined;
    return decided ?? 'token_claims_invalid';
  }
  return reasonsByCode.get(failure.code) ?? 'token_malformed';
}

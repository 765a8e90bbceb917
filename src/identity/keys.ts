// The keys of one issuer: fetched, cached, fetched again when they age or when a token names an unknown one.
// Must never let tokens drive fetches: one flight at a time, and a pause after each.

import type { CryptoKey, JWSHeaderParameters } from 'jose';
import { asRefusal, Refusal } from '../base/errors.ts';
import type { Clock, Log, Send } from '../base/ports.ts';
import { type KeySet, readKeySet } from './key-set.ts';
import { discoverJwksUri, readDocument, unavailable } from './metadata.ts';

/** Age at which keys are fetched again: how long a key withdrawn by its issuer may still be believed. */
const freshMs = 600_000;

/** Age up to which keys are used when the issuer cannot be reached. */
const staleLimitMs = 86_400_000;

/** Pause between fetches while there are keys; stops tokens with made-up `kid`s from turning us against the issuer. */
const coolDownMs = 30_000;

/** Pause between fetches while there are none. */
const retryMs = 5_000;

export interface KeysOptions {
  readonly issuer: string;
  /** undefined: by discovery. */
  readonly jwksUri: string | undefined;
  readonly insecureHttp: boolean;
  readonly send: Send;
  readonly clock: Clock;
  readonly log: Log;
}

export interface KeysStatus {
  readonly ready: boolean;
  readonly keysAgeSeconds: number | undefined;
  readonly lastError: string | undefined;
  /** Since the start. */
  readonly fetchFailures: number;
}

export interface Keys {
  /** @throws Refusal token_key_unknown, keys_unavailable */
  find(header: JWSHeaderParameters): Promise<CryptoKey>;
  /** Fetches if there are none yet. Never rejects; until it succeeds it is tried again by itself. */
  warm(): Promise<void>;
  status(): KeysStatus;
  close(): void;
}

export function createKeys(options: KeysOptions): Keys {
  const { issuer, send, clock, log } = options;
  let location = options.jwksUri;
  let held: { readonly set: KeySet; readonly at: number } | undefined;
  let flight: Promise<KeySet> | undefined;
  let attemptedAt = Number.NEGATIVE_INFINITY;
  let lastError: string | undefined;
  let fetchFailures = 0;
  let retry: NodeJS.Timeout | undefined;
  let closed = false;

  async function fetchSet(): Promise<KeySet> {
    attemptedAt = clock.now();
    try {
      location ??= await discoverJwksUri(options);
      const set = readKeySet(await readDocument(send, location));
      held = { set, at: attemptedAt };
      lastError = undefined;
      if (set.refused > 0) log.warn({ issuer, refused: set.refused }, 'issuer publishes keys that are not accepted');
      return set;
    } catch (failure) {
      location = options.jwksUri; // it may have moved: discover again next time
      fetchFailures += 1;
      const refusal = asRefusal(failure);
      lastError = refusal.detail ?? refusal.reason;
      log.warn({ issuer, detail: lastError }, 'keys of issuer could not be fetched');
      if (held === undefined) retryLater();
      throw refusal;
    } finally {
      flight = undefined;
    }
  }

  function refresh(): Promise<KeySet> {
    flight ??= fetchSet();
    return flight;
  }

  function retryLater(): void {
    clearTimeout(retry);
    if (closed) return;
    retry = setTimeout(() => void warm(), retryMs);
    retry.unref();
  }

  function mayFetch(): boolean {
    if (flight !== undefined) return true;
    return clock.now() - attemptedAt >= (held === undefined ? retryMs : coolDownMs);
  }

  async function current(): Promise<KeySet> {
    const age = held === undefined ? Number.POSITIVE_INFINITY : clock.now() - held.at;
    if (held !== undefined && age < freshMs) return held.set;
    const spare = age < staleLimitMs ? held?.set : undefined;
    if (!mayFetch()) {
      if (spare !== undefined) return spare;
      throw unavailable(lastError ?? 'no keys');
    }
    try {
      return await refresh();
    } catch (failure) {
      if (spare !== undefined) return spare;
      throw failure;
    }
  }

  async function warm(): Promise<void> {
    if (held !== undefined || closed) return;
    await refresh().catch(() => undefined); // told by status and log
  }

  return {
    async find(header) {
      const set = await current();
      const key = await set.find(header);
      if (key !== undefined) return key;
      if (!mayFetch()) throw new Refusal('token_key_unknown');
      const newer = await (await refresh()).find(header);
      if (newer === undefined) throw new Refusal('token_key_unknown');
      return newer;
    },
    warm,
    status: () => ({
      ready: held !== undefined && clock.now() - held.at < staleLimitMs,
      keysAgeSeconds: held === undefined ? undefined : Math.floor((clock.now() - held.at) / 1_000),
      lastError,
      fetchFailures,
    }),
    close() {
      closed = true;
      clearTimeout(retry);
    },
  };
}

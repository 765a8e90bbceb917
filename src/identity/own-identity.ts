// The sidecar's own identity: a token file the platform rotates (Kubernetes projected token, SPIFFE helper), verified like
// any other token. Must never use an expired one, and never anything but a workload's own, undelegated token.

import { open } from 'node:fs/promises';
import { asRefusal, Refusal } from '../base/errors.ts';
import type { Clock, Log } from '../base/ports.ts';
import { Secret } from '../base/secret.ts';
import type { VerifiedToken } from '../principal.ts';
import type { Verify } from './jwt.ts';

/** How often the file is looked at while it is used, in milliseconds; reading unchanged bytes costs no verification. */
const lookEveryMs = 5_000;

/** How long before expiry the file is looked at on every call, in milliseconds: platforms rotate well before. */
const nearExpiryMs = 30_000;

/** Most bytes read from the file: a token and white space. Stops a wrong path (a log, a device) from filling memory. */
const maxFileBytes = 32_768;

/** Reads a small text file. */
export type ReadFile = (path: string) => Promise<string>;

export interface OwnIdentityOptions {
  readonly path: string;
  readonly verify: Verify;
  readonly clock: Clock;
  readonly log: Log;
  readonly readFile: ReadFile | undefined;
}

export interface OwnIdentityStatus {
  readonly issuer: string;
  readonly ready: boolean;
  readonly ageSeconds: number | undefined;
  readonly lastError: string | undefined;
}

export interface OwnIdentity {
  /** @throws Refusal own_identity_unavailable */
  current(): Promise<VerifiedToken>;
  status(): OwnIdentityStatus;
}

export function createOwnIdentity(options: OwnIdentityOptions): OwnIdentity {
  const { path, clock, log } = options;
  const read = options.readFile ?? readBounded;
  let held: VerifiedToken | undefined;
  let readAt: number | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let lastError: string | undefined;
  let flight: Promise<void> | undefined;

  async function look(): Promise<void> {
    lookedAt = clock.now();
    try {
      const token = new Secret((await read(path)).trim());
      if (held?.token.reveal() !== token.reveal()) {
        held = requireWorkload(await options.verify(token));
        readAt = clock.now();
      }
      lastError = undefined;
    } catch (failure) {
      lastError = failure instanceof Refusal ? failure.reason : 'file could not be read';
      log.warn({ path, reason: lastError, detail: asRefusal(failure).detail }, 'own identity could not be refreshed');
    } finally {
      flight = undefined;
    }
  }

  function isDue(now: number): boolean {
    if (held === undefined || held.expiresAt * 1_000 - now < nearExpiryMs) return true;
    return now - lookedAt >= lookEveryMs;
  }

  return {
    async current() {
      if (isDue(clock.now())) {
        flight ??= look();
        await flight;
      }
      if (held === undefined || held.expiresAt * 1_000 <= clock.now()) {
        throw new Refusal('own_identity_unavailable', { detail: lastError ?? 'expired', retryAfter: 5 });
      }
      return held;
    },
    status: () => ({
      issuer: held?.principal.iss ?? '',
      ready: held !== undefined && held.expiresAt * 1_000 > clock.now(),
      ageSeconds: readAt === undefined ? undefined : Math.floor((clock.now() - readAt) / 1_000),
      lastError,
    }),
  };
}

function requireWorkload(token: VerifiedToken): VerifiedToken {
  if (token.principal.kind !== 'workload') {
    throw new Refusal('own_identity_unavailable', { detail: 'the token in the file is not a workload' });
  }
  if (token.actors.length > 0) {
    throw new Refusal('own_identity_unavailable', { detail: 'the token in the file acts for somebody else' });
  }
  return token;
}

async function readBounded(path: string): Promise<string> {
  const file = await open(path, 'r');
  try {
    const buffer = Buffer.alloc(maxFileBytes + 1);
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
    if (bytesRead > maxFileBytes) throw new RangeError('file too large');
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await file.close();
  }
}

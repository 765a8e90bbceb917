// The sidecar's own identity: a token file the platform rotates (Kubernetes projected token, SPIFFE helper) or a JWT-SVID of
// the Workload API, verified like any other token. Must never use an expired one, and never anything but a workload's own, undelegated token.

import { asRefusal, Refusal } from '../base/errors.ts';
import type { Clock, Log } from '../base/ports.ts';
import { type ReadFile, readTextFile } from '../base/read-file.ts';
import { Secret } from '../base/secret.ts';
import { inWords, isPassing, WorkloadFailure } from '../base/spiffe/failure.ts';
import type { VerifiedToken } from '../principal.ts';
import type { Verify } from './jwt.ts';

/** How often it is looked at while it is used, in milliseconds; the same token again costs no verification. */
const lookEveryMs = 5_000;

/** How long before expiry it is looked at on every call, in milliseconds: platforms rotate well before. */
const nearExpiryMs = 30_000;

/** Most bytes read from the file: a token and white space. Stops a wrong path (a log, a device) from filling memory. */
const maxFileBytes = 32_768;

export interface OwnIdentityOptions {
  /** Where the configuration names it, e.g. `identity.token_file`. */
  readonly place: string;
  /** Reads the token that holds now. */
  readonly read: () => Promise<Secret>;
  readonly verify: Verify;
  readonly clock: Clock;
  readonly log: Log;
}

export interface OwnIdentityStatus {
  readonly place: string;
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
  const { place, read, clock, log } = options;
  let held: VerifiedToken | undefined;
  let readAt: number | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;
  let lastError: string | undefined;
  let flight: Promise<void> | undefined;

  async function look(): Promise<void> {
    lookedAt = clock.now();
    try {
      const token = await read();
      if (held?.token.reveal() !== token.reveal()) {
        held = requireWorkload(await options.verify(token));
        readAt = clock.now();
      }
      lastError = undefined;
    } catch (failure) {
      if (failure instanceof WorkloadFailure && !isPassing(failure)) held = undefined; // taken back
      lastError = reasonOf(failure);
      log.warn({ place, reason: lastError, detail: asRefusal(failure).detail }, 'own identity could not be refreshed');
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
      place,
      issuer: held?.principal.iss ?? '',
      ready: held !== undefined && held.expiresAt * 1_000 > clock.now(),
      ageSeconds: readAt === undefined ? undefined : Math.floor((clock.now() - readAt) / 1_000),
      lastError,
    }),
  };
}

function reasonOf(failure: unknown): string {
  if (failure instanceof Refusal) return failure.reason;
  return failure instanceof WorkloadFailure ? inWords(failure) : 'file could not be read';
}

function requireWorkload(token: VerifiedToken): VerifiedToken {
  if (token.principal.kind !== 'workload') {
    throw new Refusal('own_identity_unavailable', { detail: 'the own token is not a workload' });
  }
  if (token.actors.length > 0) {
    throw new Refusal('own_identity_unavailable', { detail: 'the own token acts for somebody else' });
  }
  return token;
}

/** The token in a file, without the white space around it. @param readFile by default from the file system */
export function tokenInFile(path: string, readFile: ReadFile = readTextFile): () => Promise<Secret> {
  return async () => new Secret((await readFile(path, maxFileBytes)).trim());
}

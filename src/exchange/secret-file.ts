// Secrets that live in files and are rotated under us: Kubernetes projected tokens, SPIFFE helpers, mounted keys.
// Must never serve a value that the file no longer holds: a file that vanished or became unreadable is no credential.

import { stat } from 'node:fs/promises';
import { errorCode } from '../base/error-code.ts';
import { Refusal } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import { readTextFile } from '../base/read-file.ts';
import { Secret } from '../base/secret.ts';

/** Largest secret file, in bytes: a path pointed at a log or a device must not be read whole into memory. */
const maxFileBytes = 64 * 1024;

/** How long a file is taken as unchanged without looking, in ms: a rotated secret is used at most this much later. */
const lookAgainAfter = 1_000;

/** What may stand in a header or a form field: visible ASCII, and spaces between (RFC 9110 section 5.5). */
const singleLine = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

/**
 * Reads a secret, without the line end that editors and `echo` leave behind it.
 * @throws Refusal `secret_unavailable`
 */
export async function readSecretFile(path: string): Promise<Secret> {
  const text = await readBounded(path);
  const value = text.replace(/[\r\n]+$/, '');
  if (!singleLine.test(value)) throw unavailable(path, 'is empty or holds characters that no header can carry');
  return new Secret(value);
}

export interface SecretFile {
  /** The value the file holds now. @param again look at the file even when it was looked at a moment ago */
  read(again: boolean): Promise<Secret>;
}

/** A secret file that is read again only when it changed. */
export function createSecretFile(path: string, clock: Clock): SecretFile {
  let held: { readonly secret: Secret; readonly mark: string } | undefined;
  let lookedAt = Number.NEGATIVE_INFINITY;

  return {
    async read(again) {
      const now = clock.now();
      if (held !== undefined && !again && now - lookedAt < lookAgainAfter) return held.secret;

      const mark = await changeMark(path).catch((cause: unknown) => {
        held = undefined;
        throw unavailable(path, 'cannot be read', cause);
      });
      if (held?.mark !== mark) {
        held = undefined;
        held = { secret: await readSecretFile(path), mark };
      }
      lookedAt = now;
      return held.secret;
    },
  };
}

/** Differs whenever the file was written or replaced (Kubernetes swaps a symlink: the inode changes). */
export async function changeMark(path: string): Promise<string> {
  const { ino, size, mtimeNs } = await stat(path, { bigint: true });
  return `${ino}:${size}:${mtimeNs}`;
}

/** @throws Refusal `secret_unavailable` */
export function readBounded(path: string): Promise<string> {
  return readTextFile(path, maxFileBytes).catch((cause: unknown) => {
    throw unavailable(
      path,
      errorCode(cause) === 'EFBIG' ? `is larger than ${maxFileBytes} bytes` : 'cannot be read',
      cause,
    );
  });
}

export function unavailable(path: string, what: string, cause?: unknown): Refusal {
  return new Refusal('secret_unavailable', { detail: `${path} ${what}`, retryAfter: 1, cause });
}

// A list of revocations on disk, as operators and programs write it, and the parties of the stories about it.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import type { PermittedCall } from '../../src/call.ts';
import type { Actor, VerifiedToken } from '../../src/principal.ts';
import { type Entry, readEntry, type WrittenLine } from '../../src/revocation/entry.ts';
import { appendLine } from '../../src/revocation/list-file.ts';
import { createReadList, type Reading } from '../../src/revocation/reading.ts';
import { permittedCall, unverified } from './exchange-call.ts';

export const idp = 'https://idp.example.com';

export interface TestList {
  readonly file: string;
  append(line: WrittenLine): Promise<void>;
  /** The whole file, whatever was there. */
  write(text: string): void;
}

export function testList(t: Test, text = ''): TestList {
  const file = join(t.testdir({ 'revoked.jsonl': text }), 'revoked.jsonl');
  return { file, append: (line) => appendLine(file, line), write: (next) => writeFileSync(file, next) };
}

/** Lines of a list as text. */
export function linesOf(...lines: readonly WrittenLine[]): string {
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('');
}

export function readingOf(...lines: readonly WrittenLine[]): Promise<Reading> {
  return createReadList()(linesOf(...lines));
}

/** @throws TypeError for a line that revokes nothing */
export function entryOf(line: WrittenLine): Entry {
  const read = readEntry(JSON.stringify(line));
  if (read.says === 'revoked') return read.entry;
  throw new TypeError(read.says === 'nothing' ? read.problem : 'it lifts');
}

/** @param iss `null`: the token does not say */
export function actorOf(sub: string, iss: string | null = idp): Actor {
  return { sub, iss: iss ?? undefined, claims: { sub } };
}

/** Alice's token, which writer was given, on the way over planner. */
export function aliceToken(changes: Partial<VerifiedToken> = {}): VerifiedToken {
  return unverified('alice', { actors: [actorOf('writer')], jti: 'jti-alice', ...changes });
}

export function workloadToken(sub: string, changes: Partial<VerifiedToken> = {}): VerifiedToken {
  const principal = { kind: 'workload', iss: idp, sub, claims: {} } as const;
  return unverified(sub, { principal, token: new Secret(`token-of-${sub}`), jti: `jti-${sub}`, ...changes });
}

/** Planner calls on behalf of alice; writer was there before. */
export function plannerCall(changes: Partial<PermittedCall> = {}): PermittedCall {
  return permittedCall({ subject: aliceToken(), actor: workloadToken('planner'), changes });
}

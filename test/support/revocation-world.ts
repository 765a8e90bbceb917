// A whole gate that follows a list of revocations, and the hand that writes to it.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import type { WrittenLine } from '../../src/revocation/entry.ts';
import { appendLine } from '../../src/revocation/list-file.ts';
import { type Document, type Places, startE2e, type World, type WorldOptions } from './e2e-world.ts';

export interface Revoking {
  readonly listFile: string;
  /** Writes a line, as a program would, and nothing else. */
  append(line: WrittenLine): Promise<void>;
  /** Writes a line and has the gate read the list now: it is in force when this resolves. */
  revoke(line: WrittenLine): Promise<void>;
  /** A party of the world's issuer. */
  party(sub: string): { readonly iss: string; readonly sub: string };
}

/** A list in the world's folder. @returns its section of the configuration */
export function listIn({ folder }: Pick<Places, 'folder'>, text = ''): Document {
  const file = join(folder, 'revoked.jsonl');
  writeFileSync(file, text);
  return { revocation: { file } };
}

export function revokingIn({ app, folder, issuer }: World): Revoking {
  const listFile = join(folder, 'revoked.jsonl');
  const append = (line: WrittenLine) => appendLine(listFile, line);
  return {
    listFile,
    append,
    async revoke(line) {
      await append(line);
      await app.revocations.refresh();
    },
    party: (sub) => ({ iss: issuer.issuer, sub }),
  };
}

export async function startRevoking(t: Test, options: WorldOptions & { readonly text?: string } = {}) {
  const { config, text, ...rest } = options;
  const world = await startE2e(t, {
    ...rest,
    config: async (places) => ({ ...listIn(places, text), ...(await config?.(places)) }),
  });
  return { ...world, ...revokingIn(world) };
}

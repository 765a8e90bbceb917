// A folder for a unix socket. Never below the checkout, whose path may be longer than a socket's may be (107 bytes).

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

export function socketFolder(t: Test): string {
  const folder = mkdtempSync(join(tmpdir(), 'postern-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

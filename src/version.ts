// The version, from package.json: one place to change it.
// Must hold unbuilt and built alike, wherever the built code lies.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageFolder } from './base/package-folder.ts';

const manifest: unknown = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8'));

export const version: string =
  typeof manifest === 'object' && manifest !== null && 'version' in manifest ? String(manifest.version) : 'unknown';

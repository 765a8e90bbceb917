// The tables of test/README.md name files that are there: a proof that was moved or dropped must not go on being claimed.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';

const text = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8');
const folders = new Set(readdirSync(import.meta.dirname));

test('every file that is named is there', (t) => {
  const named = [...text.matchAll(/`([a-z0-9-]+(?:\/[a-z0-9-]+)+)`/g)].map(([, name = '']) => name);
  const files = new Set(named.filter((name) => folders.has(name.split('/', 1)[0] ?? '')));
  t.ok(files.size > 60);
  for (const file of files) t.ok(existsSync(join(import.meta.dirname, `${file}.test.ts`)), file);
  t.end();
});

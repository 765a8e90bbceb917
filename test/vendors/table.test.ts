// The table of docs/guides/federation.md, held against presets, grants and tests: an API without a row, a grant that is not there, a
// base URL that changed, a key that is not called standing privilege, or a test that was dropped must not go on being claimed.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import * as grants from '../../src/exchange/grants/index.ts';
import { presets } from '../support/routing-world.ts';

const guides = join(import.meta.dirname, '../../docs/guides');
const text = readFileSync(join(guides, 'federation.md'), 'utf8');
const known = new Set<string>(Object.values(grants).map(({ type }) => type));

interface Row {
  readonly preset: string;
  readonly federation: string;
  readonly grants: readonly string[];
  readonly sets: string;
  readonly lives: string;
  /** From the guide's folder. */
  readonly file: string;
}

const quoted = (cell: string): readonly string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, inner = '']) => inner);

function rowsOf(table: string): readonly Row[] {
  const lines = table.split('\n').filter((line) => /^\| [^|]+ \| `/.test(line));
  return lines.map((line) => {
    const [, , preset = '', federation = '', grant = '', sets = '', lives = '', file = ''] = line
      .split('|')
      .map((cell) => cell.trim());
    const [name = ''] = quoted(preset);
    const link = /\]\(([^)]+)\)/.exec(file)?.[1] ?? '';
    return { preset: name, federation, grants: quoted(grant), sets, lives, file: link };
  });
}

const rows = rowsOf(text);

test('every preset has one row, and no row is of another', (t) => {
  t.strictSame(rows.map(({ preset }) => preset).sort(), [...presets.keys()].sort());
  t.end();
});

test('grants are those that there are, and those of the preset', (t) => {
  for (const { preset, grants: named } of rows) {
    t.ok(
      named.every((grant) => known.has(grant)),
      preset,
    );
    t.strictSame([...named].sort(), [...(presets.get(preset)?.grants ?? [])].sort(), preset);
  }
  t.end();
});

test('what the agent sets is what the preset says', (t) => {
  for (const { preset, sets } of rows) {
    const { path = '', client } = presets.get(preset) ?? {};
    const url = client?.base_url.replace('{path}', path) ?? '';
    // Qdrant's client takes host and path apart.
    const expected = preset === 'qdrant' ? [path] : [client?.base_url_env ?? '', url];
    for (const part of expected) t.ok(sets.includes(part), `${preset}: ${part}`);
  }
  t.end();
});

test('a standing key is called what it is, and nothing else is', (t) => {
  for (const { preset, federation, grants: named, lives } of rows) {
    if (named.join() === 'static_secret') {
      t.match(lives, /^\*\*standing privilege\*\*/, preset);
      t.match(federation, /^none/, preset);
    } else {
      t.notMatch(lives, /^\*\*standing privilege/, preset);
    }
  }
  t.end();
});

test('every test that is named is there and is about this preset', (t) => {
  for (const { preset, file } of rows) {
    const path = join(guides, file);
    t.match(file, /^\.\.\/\.\.\/test\/vendors\/[a-z-]+\.test\.ts$/);
    if (!existsSync(path)) t.fail(`${preset}: ${file} is not there`);
    else t.match(readFileSync(path, 'utf8'), new RegExp(`(?<![\\w-])${preset}(?![\\w-])`), preset);
  }
  t.end();
});

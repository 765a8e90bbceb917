// Writes what is generated from the source: the JSON Schema of the configuration and the reference pages.
// `node scripts/generate.ts` writes; with `--check` it writes nothing and fails, naming each file that differs.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { configJsonSchema } from '../src/config/json-schema.ts';
import { auditPage } from './reference/audit.ts';
import { configurationPage } from './reference/configuration.ts';
import { errorsPage } from './reference/errors.ts';
import { formatJson } from './reference/json.ts';
import { metricsPage } from './reference/metrics.ts';
import { policyPage } from './reference/policy.ts';
import { presetsPage } from './reference/presets.ts';

const root = join(import.meta.dirname, '..');

const generated: Record<string, string> = {
  'config/postern.schema.json': `${formatJson(configJsonSchema())}\n`,
  'docs/reference/configuration.md': configurationPage(),
  'docs/reference/policy.md': policyPage(),
  'docs/reference/errors.md': errorsPage(),
  'docs/reference/audit.md': auditPage(),
  'docs/reference/metrics.md': metricsPage(),
  'docs/reference/presets.md': presetsPage(join(root, 'routes')),
};

const drifted = Object.entries(generated).filter(([path, text]) => current(path) !== text);

if (process.argv.includes('--check')) {
  for (const [path] of drifted) console.error(`${path} is not what the source says; run: npm run generate`);
  process.exitCode = drifted.length === 0 ? 0 : 1;
} else {
  for (const [path, text] of drifted) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    console.log(`wrote ${path}`);
  }
}

function current(path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return undefined;
  }
}

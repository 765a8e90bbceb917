// The configurations that come with Postern load; config/full.yaml, with federation.yaml for the vendors, shows every option.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { parse } from 'yaml';
import { type ReadFile, readTextFile } from '../../src/base/read-file.ts';
import { configJsonSchema, type JsonSchema } from '../../src/config/json-schema.ts';
import { loadConfig } from '../../src/config/load.ts';
import { compileGate } from '../../src/wiring/gate.ts';
import { tlsCert, tlsKey } from '../support/forwarding-upstream.ts';
import { silentLog } from '../support/log.ts';

const folder = join(import.meta.dirname, '../../config');
/** An environment with every name: ports, secrets, and URLs for the rest. */
const anything = new Proxy<Record<string, string>>({}, { get: (_, name) => environmentValue(String(name)) });

/** Files named by placeholders are this key and its certificate here; the one file that is read at load by its name is left out. */
const readFile: ReadFile = async (path, maxBytes) =>
  path.endsWith('.yaml')
    ? (await readTextFile(path, maxBytes)).replace(/^ +ca_file:.*$/m, '')
    : path.endsWith('.crt')
      ? tlsCert
      : tlsKey;

for (const name of readdirSync(folder).filter((entry) => entry.endsWith('.yaml'))) {
  test(`config/${name} makes a gate`, async (t) => {
    const loaded = await loadConfig({ file: join(folder, name), env: anything, readFile });
    const gate = compileGate(loaded, { clock: { now: () => 0 }, log: silentLog, env: {} });
    t.equal(gate.routes.length, loaded.config.routes.length);
    await gate.closeNow();
  });
}

function environmentValue(name: string): string {
  if (name.endsWith('_PORT')) return name.includes('ADMIN') ? '9090' : '8080';
  if (name === 'DEMO_SUBJECT_FROM') return 'trace';
  return /SECRET|_KEY$/.test(name) ? 'sixteen-characters-at-least' : 'http://127.0.0.1:9999';
}

test('config/full.yaml and federation.yaml show every option', (t) => {
  const shown = new Set<string>();
  for (const file of ['full.yaml', 'federation.yaml']) {
    collectShown(configJsonSchema(), parse(readFileSync(join(folder, file), 'utf8')), '', shown);
  }
  const missing = [...knownOptions(configJsonSchema(), '')].filter((option) => !shown.has(option));
  t.strictSame(missing, []);
  t.end();
});

/** Every option below a schema, by its name; forms of one option (grants) by the constant that tells them apart. */
function knownOptions(schema: JsonSchema, name: string): Set<string> {
  const all = new Set<string>();
  for (const [key, option] of propertiesOf(schema)) {
    all.add(`${name}.${key}`);
    for (const below of knownOptions(option, `${name}.${key}`)) all.add(below);
  }
  for (const below of belowOf(schema)) for (const option of knownOptions(below, name)) all.add(option);
  for (const { label, shape } of formsOf(schema, name))
    for (const option of knownOptions(shape, label)) all.add(option);
  return all;
}

function collectShown(schema: JsonSchema, value: unknown, name: string, shown: Set<string>): void {
  if (Array.isArray(value)) {
    for (const item of value) for (const below of belowOf(schema)) collectShown(below, item, name, shown);
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  const fields = new Map<string, unknown>(Object.entries(value));
  const known = propertiesOf(schema);
  for (const [key, option] of known) {
    if (!fields.has(key)) continue;
    shown.add(`${name}.${key}`);
    collectShown(option, fields.get(key), `${name}.${key}`, shown);
  }
  if (known.length === 0 && isSchema(schema.additionalProperties)) {
    for (const entry of fields.values()) collectShown(schema.additionalProperties, entry, name, shown);
  }
  for (const shape of (schema.anyOf ?? []).filter(isSchema)) collectShown(shape, value, name, shown);
  for (const { key, constant, label, shape } of formsOf(schema, name)) {
    if (fields.get(key) === constant) collectShown(shape, value, label, shown);
  }
}

function propertiesOf(schema: JsonSchema): [string, JsonSchema][] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, option]) => (isSchema(option) ? [[key, option]] : []));
}

function belowOf(schema: JsonSchema): JsonSchema[] {
  return [schema.items, schema.additionalProperties, ...(schema.anyOf ?? [])].filter(isSchema);
}

function formsOf(schema: JsonSchema, name: string) {
  return (schema.oneOf ?? []).flatMap((shape) => {
    const [key, option] = propertiesOf(shape).find(([, { const: constant }]) => constant !== undefined) ?? [];
    const last = name.split('.').at(-1)?.replace(/\(.*/, '');
    return key === undefined ? [] : [{ key, constant: option?.const, label: `${last}(${option?.const})`, shape }];
  });
}

function isSchema(schema: unknown): schema is JsonSchema {
  return typeof schema === 'object' && schema !== null && !Array.isArray(schema);
}

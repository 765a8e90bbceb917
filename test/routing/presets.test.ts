// The examples of every preset, asked over HTTP: they are its documentation, so they must be true.

import { readdirSync } from 'node:fs';
import { test } from 'tap';
import { builtInPresets, loadPresets } from '../../src/routing/preset.ts';
import type { Preset } from '../../src/routing/preset-schema.ts';
import { type Asked, type Outcome, presets, startGate } from '../support/routing-world.ts';

type Example = Preset['examples'][number];

test('every preset file loads', (t) => {
  const loaded = loadPresets([builtInPresets]);
  t.strictSame(loaded.problems, []);
  const files = readdirSync(builtInPresets).filter((name) => name.endsWith('.yaml'));
  t.strictSame(
    [...loaded.presets.keys()].map((id) => `${id}.yaml`).sort(),
    files.sort(),
    'a preset has the name of its file',
  );
  t.end();
});

for (const preset of presets.values()) {
  test(`preset ${preset.preset}: its examples hold`, async (t) => {
    const upstream = preset.upstream === undefined ? { upstream: 'https://upstream.eu-central-1.amazonaws.com' } : {};
    const gate = await startGate(t, [{ preset: preset.preset, ...upstream }]);
    for (const example of preset.examples) {
      const wanted = Object.entries(example.expect).filter(([, value]) => value !== undefined);
      const told = tell(await gate.ask(askedOf(example)));
      t.strictSame(
        wanted.map(([name]) => [name, told[name]]),
        wanted,
        example.title,
      );
    }
  });

  test(`preset ${preset.preset}: says what must be said`, (t) => {
    t.ok(
      preset.examples.some(({ expect }) => 'refused' in expect),
      'shows a refusal',
    );
    t.ok(preset.examples.length >= 5, 'shows five calls at least');
    t.match(preset.client.base_url, /^\{gate\}\{path\}/, 'its base URL follows the route');
    t.end();
  });
}

function askedOf({ request }: Example): Asked {
  const { method, path, upgrade, body } = request;
  const asked: Asked = { method, path, upgrade, headers: request.headers };
  if (body === undefined) return asked;
  const headers = { 'content-type': 'application/json', ...request.headers };
  return { ...asked, headers, body: typeof body === 'string' ? body : JSON.stringify(body) };
}

function tell(outcome: Outcome): Record<string, unknown> {
  if (outcome.kind === 'refused') return { refused: outcome.refusal.reason };
  const { facts, upstream } = outcome.call;
  const { operation, model, tool, resource, stream } = facts;
  const known = { operation, model, tool, resource, stream };
  return Object.fromEntries([
    ['upstream_path', upstream.path],
    ...Object.entries(known).map(([name, value]) => [name, value ?? null]),
  ]);
}

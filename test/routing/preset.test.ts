import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'tap';
import { builtInPresets, loadPresets, type PresetProblem, parsePreset } from '../../src/routing/preset.ts';

const valid = `preset: tickets
title: Tickets
description: An API.
path: /tickets
dialect: problem
client:
  base_url: '{gate}{path}'
  credential_slot: 'Authorization: Bearer'
placement: bearer
federation: Static key only.
operations:
  - { method: GET, path: '/v1/tickets/{id}', operation: tickets.get, resource: { path: id } }
examples:
  - title: Reading
    request: { path: /tickets/v1/tickets/1 }
    expect: { upstream_path: /v1/tickets/1, operation: tickets.get, resource: '1' }
`;

/** Problems as a person reads them. */
function problemsOf(text: string): string[] {
  const problems: PresetProblem[] = [];
  parsePreset('tickets.yaml', text, problems);
  return problems.map(
    ({ file, line, column, path: where, what }) => `${file}:${line}:${column} ${where.join('.')} ${what}`,
  );
}

test('a preset is data and defaults', (t) => {
  const preset = parsePreset('tickets.yaml', valid, []);
  t.hasStrict(preset, { preset: 'tickets', unknown_operations: 'allow', websocket: false, mcp: false });
  t.strictSame(preset?.headers, { forward: [], set: {} });
  t.strictSame(problemsOf(valid), []);
  t.end();
});

const broken: readonly (readonly [from: string, to: string, problem: string])[] = [
  ['title: Tickets', 'title: [', 'tickets.yaml:'],
  ['title: Tickets', 'titel: Tickets', 'tickets.yaml:2:8 titel Unrecognized key: "titel"'],
  ['path: /tickets', 'path: tickets/', 'tickets.yaml:4:7 path is not a path to mount at'],
  ['dialect: problem', 'dialect: soap', 'tickets.yaml:5:10 dialect '],
  ['placement: bearer', 'placement: { cookie: a }', 'tickets.yaml:9:12 placement '],
  ['method: GET', 'method: FETCH', 'tickets.yaml:12:15 operations.0.method '],
  ["'/v1/tickets/{id}'", '/v1/**', 'tickets.yaml:12:26 operations.0.path is not a path pattern'],
  [
    '{ path: id }',
    '{ path: it }',
    'tickets.yaml:12:88 operations.0.resource.path names no parameter of the path pattern',
  ],
  ['{ path: id }', '{ body: id }', 'tickets.yaml:12:'],
  ['{ path: id }', '{ path: [id] }', 'tickets.yaml:12:'],
  ['{ path: id }', '{ path: [id, it] }', 'tickets.yaml:12:88 operations.0.resource.path names no parameter'],
  [
    'placement: bearer',
    'encoded_slash_in: [id, it]\nplacement: bearer',
    'tickets.yaml:9:24 encoded_slash_in.1 names no parameter of any path',
  ],
  ["resource: '1' }", 'colour: red }', 'tickets.yaml:16:'],
  ['expect: {', 'expect: { refused: nonsense,', 'tickets.yaml:16:'],
  ['title: Tickets', 'title: &a Tickets\npath: *a', 'tickets.yaml:'],
];

test('what is wrong is told with its line and column', (t) => {
  for (const [from, to, problem] of broken) {
    const told = problemsOf(valid.replace(from, to));
    t.ok(
      told.some((each) => each.startsWith(problem)),
      `${to}: ${told.join(' | ')}`,
    );
  }
  t.end();
});

test('several parameters make one fact, and none of them may hold the slash that joins them', (t) => {
  const joined = valid
    .replace("/v1/tickets/{id}'", "/v1/{queue}/{id}'")
    .replace('{ path: id }', '{ path: [queue, id] }');
  t.strictSame(problemsOf(joined), []);
  t.strictSame(problemsOf(joined.replace('placement: bearer', 'encoded_slash_in: [id]\nplacement: bearer')), [
    'tickets.yaml:9:20 encoded_slash_in.0 is joined with others to one fact',
  ]);
  t.end();
});

test('a few lines that unfold to millions are refused', (t) => {
  const bomb = `${['a: &a [x,x,x,x]', 'b: &b [*a,*a,*a,*a]', 'c: [*b,*b,*b,*b]'].join('\n')}\n`;
  t.strictSame(problemsOf(bomb), ['tickets.yaml:1:1  uses YAML aliases, which a preset may not']);
  t.end();
});

test('of the presets that come with the gate only the wanted ones are read', (t) => {
  const { presets, problems } = loadPresets([builtInPresets], new Set(['http', 'openai']));
  t.strictSame([...presets.keys()], ['http', 'openai']);
  t.strictSame(problems, []);
  const unknown = loadPresets([builtInPresets], new Set(['openay']));
  t.ok(unknown.presets.size > 30, 'all, so that they can be told');

  const own = mkdtempSync(path.join(tmpdir(), 'presets-'));
  t.teardown(() => rmSync(own, { recursive: true }));
  writeFileSync(path.join(own, 'a.yaml'), valid);
  writeFileSync(path.join(own, 'b.yaml'), valid.replace('preset: tickets', 'preset: groq'));
  const joined = loadPresets([builtInPresets, own], new Set(['openai', 'tickets']));
  t.strictSame([...joined.presets.keys()], ['openai', 'tickets']);
  t.match(joined.problems, [{ what: '"groq" is already a preset' }], 'also where that one is not read');
  t.end();
});

test("presets of one's own join those that come with the gate", (t) => {
  const own = mkdtempSync(path.join(tmpdir(), 'presets-'));
  t.teardown(() => rmSync(own, { recursive: true }));
  writeFileSync(path.join(own, 'a.yaml'), valid);
  writeFileSync(path.join(own, 'notes.txt'), 'not a preset');
  const { presets, problems } = loadPresets([builtInPresets, own]);
  t.strictSame(problems, []);
  t.ok(presets.has('tickets') && presets.has('openai'));

  writeFileSync(path.join(own, 'b.yaml'), valid.replace('preset: tickets', 'preset: openai'));
  writeFileSync(path.join(own, 'c.yaml'), `# ${'x'.repeat(300_000)}\n${valid}`);
  symlinkSync('/dev/zero', path.join(own, 'd.yaml'));
  mkdirSync(path.join(own, 'e.yaml'));
  const again = loadPresets([builtInPresets, own]);
  t.match(again.problems, [
    { file: path.join(own, 'b.yaml'), what: '"openai" is already a preset' },
    { file: path.join(own, 'c.yaml'), what: /^is larger than/ },
    { file: path.join(own, 'd.yaml'), what: /^is larger than/ },
    { file: path.join(own, 'e.yaml'), what: 'cannot be read (EISDIR)' },
  ]);
  t.equal(again.presets.get('openai')?.title, 'OpenAI API', 'none takes the place of another');
  t.throws(() => loadPresets([path.join(own, 'nowhere')]));
  t.end();
});

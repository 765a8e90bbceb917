import fc from 'fast-check';
import { test } from 'tap';
import { booleanField, stringField } from '../../src/routing/json-fields.ts';
import { maxJsonDepth } from '../../src/routing/json-grammar.ts';
import { compileShape, foldName, scanJson } from '../../src/routing/json-scan.ts';
import { reasonOf } from '../support/routing-world.ts';

const shape = compileShape(['/model', '/stream', '/session/model']);
const scan = (text: string | Buffer): ReturnType<typeof scanJson> => scanJson(Buffer.from(text), shape);

function modelOf(text: string): string | undefined {
  const bytes = Buffer.from(text);
  return stringField(bytes, scanJson(bytes, shape), '/model');
}

test('reads fields wherever they stand', (t) => {
  const bytes = Buffer.from(
    ' { "a": [ {"model":"inner"}, "model" ], "stream" : true,\r\n\t"model": "gpt-5", "n": -1.5e+3 } ',
  );
  const found = scanJson(bytes, shape);
  t.equal(stringField(bytes, found, '/model'), 'gpt-5', 'not the one further in');
  t.equal(booleanField(bytes, found, '/stream'), true);
  t.equal(stringField(bytes, found, '/session/model'), undefined);
  t.end();
});

test('reads fields further in by their pointer', (t) => {
  const bytes = Buffer.from('{"session":{"type":"realtime","model":"gpt-realtime"},"model":"outer"}');
  t.equal(stringField(bytes, scanJson(bytes, shape), '/session/model'), 'gpt-realtime');
  t.end();
});

test('decodes escapes in values', (t) => {
  t.equal(modelOf('{"model":"\\u0067pt-\\"5\\" \\ud83d\\ude00"}'), 'gpt-"5" 😀');
  t.end();
});

test('knows pointers with escaped slashes', (t) => {
  const slashed = compileShape(['/_meta/a~1b~0c']);
  const bytes = Buffer.from('{"_meta":{"a/b~c":"x"}}');
  t.equal(stringField(bytes, scanJson(bytes, slashed), '/_meta/a~1b~0c'), 'x');
  t.end();
});

test('lists members where asked, with their spans', (t) => {
  const bytes = Buffer.from('{"meta":{"a":1, "B" : [2],"a":3}}');
  const members = scanJson(bytes, compileShape(['/meta'], ['/meta'])).get('/meta')?.members ?? [];
  t.strictSame(
    members.map(({ foldedName, start, end }) => [foldedName, bytes.toString('utf8', start, end)]),
    [
      ['a', '"a":1'],
      ['b', '"B" : [2]'],
      ['a', '"a":3'],
    ],
  );
  t.end();
});

test('names fold as the most lenient parser folds them', (t) => {
  t.equal(foldName('MODEL'), 'model');
  t.equal(foldName('paramſ'), 'params', 'U+017F');
  t.equal(foldName('toKen'), 'token', 'U+212A');
  t.equal(foldName('model\0x'), 'model', 'a C string ends at NUL');
  t.end();
});

test('refuses nesting beyond the limit and takes the limit itself', (t) => {
  const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
  t.equal(
    reasonOf(() => scan(nested(maxJsonDepth))),
    undefined,
  );
  t.equal(
    reasonOf(() => scan(nested(maxJsonDepth + 1))),
    'body_malformed',
  );
  t.equal(
    reasonOf(() => scan(`${'{"a":'.repeat(100_000)}`)),
    'body_malformed',
  );
  t.end();
});

test('takes a string with any character at any place as JSON.parse does', (t) => {
  for (let code = 0; code < 256; code += 1) {
    for (let before = 0; before < 10; before += 1) {
      // With something behind it, and at the very end of the document: words are read four bytes at a time.
      for (const after of ['', '"', 'xyz"', 'abcdefghij"']) {
        const text = `"${'~'.repeat(before)}${String.fromCharCode(code)}${after}`;
        const taken = reasonOf(() => scan(text)) === undefined;
        if (taken !== parses(text)) t.fail(`${JSON.stringify(text)} was ${taken ? 'taken' : 'refused'}`);
      }
    }
  }
  t.end();
});

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Documents whose objects have these names. */
function documents(...names: string[]): fc.Arbitrary<string> {
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      fc.jsonValue({ maxDepth: 1 }),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...names), tie('value'), { maxKeys: 4 }),
    ),
  }));
  return fc
    .tuple(value, fc.constantFrom(undefined, 1, '\t'))
    .map(([each, indent]) => JSON.stringify(each, null, indent));
}

test('takes every document without ambiguous names as JSON.parse does', (t) => {
  const usual = documents('model', 'stream', 'session', 'x', '', 'mode', 'models');
  fc.assert(fc.property(usual, agrees), { seed: 1, numRuns: 500 });
  t.pass('agreed on all');
  t.end();
});

test('takes documents with odd names as JSON.parse does, or calls them ambiguous', (t) => {
  const odd = documents('model', 'stream', 'session', 'Model', 'ſtream', 'stream\0', '"', 'é');
  let refused = 0;
  const property = fc.property(odd, (text) => {
    const reason = reasonOf(() => scan(text));
    if (reason === undefined) return agrees(text);
    refused += 1;
    return reason === 'body_field_ambiguous';
  });
  fc.assert(property, { seed: 1, numRuns: 500 });
  t.ok(refused > 50 && refused < 450, 'both happened');
  t.end();
});

test('agrees with JSON.parse on every damaged document, or refuses', (t) => {
  const whole = fc.constantFrom(
    '{"model":"gpt-5","stream":false,"messages":[{"role":"user","content":"a\\u00e9\\n"}],"n":-12.5e3}',
    '{"session":{"model":"a"},"model":null,"x":[true,false,null,{},[],"",0]}',
    '[{"model":1}]',
  );
  const pieces = fc.constantFrom(
    ...'{}[],:"\\01+-.eEutrfnl \n\t\u0000é\ufeff',
    'NaN',
    '"model":',
    '\\u006d',
    '//',
    "'",
  );
  let taken = 0;
  const edit = fc.tuple(fc.nat(120), fc.nat(3), pieces);
  fc.assert(
    fc.property(whole, fc.array(edit, { minLength: 1, maxLength: 3 }), (document, edits) => {
      let text = document;
      for (const [at, cut, piece] of edits) text = text.slice(0, at) + piece + text.slice(at + cut);
      if (reasonOf(() => scan(text)) !== undefined) return;
      taken += 1;
      agrees(text);
    }),
    { seed: 1, numRuns: 4_000 },
  );
  t.ok(taken > 100, 'some were still documents');
  t.end();
});

test('agrees with JSON.parse on any bytes, or refuses', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 24 }), (bytes) => {
      const buffer = Buffer.from(bytes);
      if (reasonOf(() => scan(buffer)) === undefined) agrees(buffer.toString('utf8'));
    }),
    { seed: 1, numRuns: 2_000 },
  );
  t.pass('agreed on all');
  t.end();
});

/** What the scan read is what JSON.parse reads. Throws where JSON.parse does. */
function agrees(text: string): true {
  const bytes = Buffer.from(text);
  const parsed: unknown = JSON.parse(text);
  const found = scanJson(bytes, shape);
  for (const [pointer, ...path] of [
    ['/model', 'model'],
    ['/stream', 'stream'],
    ['/session', 'session'],
    ['/session/model', 'session', 'model'],
  ]) {
    const expected = path.reduce(member, parsed);
    const value = found.get(pointer ?? '');
    const actual = value === undefined ? undefined : JSON.parse(bytes.toString('utf8', value.start, value.end));
    if (JSON.stringify(actual) !== JSON.stringify(expected)) throw new Error(`${pointer} differs in ${text}`);
  }
  return true;
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}

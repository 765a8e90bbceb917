import { test } from 'tap';
import { compilePattern, patternSyntax } from '../../src/routing/pattern.ts';

function match(pattern: string, path: string): Record<string, string> | undefined {
  if (!patternSyntax.test(pattern)) throw new Error(`not a pattern: ${pattern}`);
  const values = compilePattern(pattern).match(path.slice(1).split('/').map(decodeURIComponent));
  return values && Object.fromEntries(values);
}

const matches: readonly (readonly [pattern: string, path: string, values: Record<string, string> | undefined])[] = [
  ['/v1/models', '/v1/models', {}],
  ['/v1/models', '/v1/models/', {}],
  ['/v1/models', '/V1/Models', {}],
  ['/v1/models', '/v1', undefined],
  ['/v1/models', '/v1/models/x', undefined],
  ['/v1/models', '/v1/modelsx', undefined],
  ['/', '/', {}],
  ['/', '/x', undefined],
  ['/v1/files/{id}', '/v1/files/file-1', { id: 'file-1' }],
  ['/v1/files/{id}', '/v1/files/', undefined],
  ['/v1/files/{id}', '/v1/files/A%20b', { id: 'A b' }],
  ['/{v}/models/{model}:generateContent', '/v1/models/gemini-2.5:generateContent', { v: 'v1', model: 'gemini-2.5' }],
  ['/{v}/models/{model}:generateContent', '/v1/models/gemini-2.5:GENERATEcontent', { v: 'v1', model: 'gemini-2.5' }],
  ['/{v}/models/{model}:generateContent', '/v1/models/a:b:generateContent', { v: 'v1', model: 'a:b' }],
  ['/{v}/models/{model}:generateContent', '/v1/models/:generateContent', undefined],
  ['/{v}/models/{model}:generateContent', '/v1/models/gemini-2.5', undefined],
  ['/ws/google.{service}', '/ws/google.live', { service: 'live' }],
  ['/a{x}b/c', '/aab/c', { x: 'a' }],
  ['/a{x}a/c', '/aa/c', undefined],
  ['/v1/oauth/*', '/v1/oauth/token', {}],
  ['/v1/oauth/*', '/v1/oauth/token/x/', {}],
  ['/v1/oauth/*', '/v1/oauth', undefined],
  ['/v1/oauth/*', '/v1/oauth/', undefined],
  ['/{c}/*', '/%C4%B0/x', { c: 'İ' }],
];

test('patterns match decoded segments, leniently', (t) => {
  for (const [pattern, path, values] of matches) t.strictSame(match(pattern, path), values, `${pattern} on ${path}`);
  t.end();
});

test('parameters are known before any path', (t) => {
  t.strictSame(compilePattern('/{version}/models/{model}:x/*').parameters, ['version', 'model']);
  t.end();
});

test('what is no pattern is told at load', (t) => {
  for (const text of [
    '',
    'a',
    '/a//b',
    '/{a}{b}',
    '/{A}',
    '/{a',
    '/a}',
    '/*/a',
    '/a*',
    '/a?b',
    '/a;b',
    '/a%20',
    '//',
  ]) {
    t.notMatch(text, patternSyntax, text);
  }
  t.end();
});

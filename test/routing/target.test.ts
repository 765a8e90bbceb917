import fc from 'fast-check';
import { test } from 'tap';
import { canonicalTarget, maxTargetLength } from '../../src/routing/target.ts';
import { compileUpstream, upstreamPath } from '../../src/routing/upstream.ts';
import { reasonOf } from '../support/routing-world.ts';

test('a plain target stays as it is', (t) => {
  const target = canonicalTarget('/v1/chat/completions?limit=2&after=a%20b');
  t.strictSame(target, {
    path: '/v1/chat/completions',
    segments: ['v1', 'chat', 'completions'],
    slashed: 0,
    query: '?limit=2&after=a%20b',
  });
  t.end();
});

const canonical: readonly (readonly [sent: string, path: string, lastSegment: string])[] = [
  ['/', '/', ''],
  ['/a/', '/a/', ''],
  ['/%61%2D%2e%5F%7e', '/a-._~', 'a-._~'],
  [
    '/models/gemini-2.5-flash:generateContent',
    '/models/gemini-2.5-flash:generateContent',
    'gemini-2.5-flash:generateContent',
  ],
  [
    '/models/gemini-2.5-flash%3AgenerateContent',
    '/models/gemini-2.5-flash:generateContent',
    'gemini-2.5-flash:generateContent',
  ],
  ['/docs%40v2', '/docs@v2', 'docs@v2'],
  ['/a%20b', '/a%20b', 'a b'],
  ['/r%c3%a9sum%c3%a9', '/r%C3%A9sum%C3%A9', 'résumé'],
  ['/%e6%96%87%e6%9b%b8', '/%E6%96%87%E6%9B%B8', '文書'],
  ['/a+b', '/a+b', 'a+b'],
  ['/a%2bb', '/a%2Bb', 'a+b'],
  ['/100%25', '/100%25', '100%'],
  ['/...', '/...', '...'],
  ['/.well-known', '/.well-known', '.well-known'],
  ['/a..b', '/a..b', 'a..b'],
];

test('every spelling of a path has one form', (t) => {
  for (const [sent, path, last] of canonical) {
    const target = canonicalTarget(sent);
    t.equal(target.path, path, sent);
    t.equal(target.segments.at(-1), last, sent);
    t.equal(canonicalTarget(path).path, path, `${path} is its own form`);
  }
  t.end();
});

test('encoded slashes are refused, or counted for whoever knows what they mean', (t) => {
  t.equal(
    reasonOf(() => canonicalTarget('/models/a%2fb')),
    'target_escapes_route',
  );
  t.strictSame(canonicalTarget('/models/a%2fb%2Fc/x%20y/d%2Fe', 'counted'), {
    path: '/models/a%2Fb%2Fc/x%20y/d%2Fe',
    segments: ['models', 'a/b/c', 'x y', 'd/e'],
    slashed: 2,
    query: '',
  });
  t.equal(canonicalTarget('/models/a', 'counted').slashed, 0);
  t.end();
});

test('a target has a length and a depth', (t) => {
  const long = `/${'a'.repeat(maxTargetLength)}`;
  t.equal(
    reasonOf(() => canonicalTarget(long)),
    'target_malformed',
  );
  t.equal(
    reasonOf(() => canonicalTarget(long.slice(0, maxTargetLength))),
    undefined,
  );
  t.equal(
    reasonOf(() => canonicalTarget('/a'.repeat(65))),
    'target_malformed',
  );
  t.equal(
    reasonOf(() => canonicalTarget('/a'.repeat(64))),
    undefined,
  );
  t.end();
});

test('whatever is accepted stays below the upstream, as every URL parser sees it', (t) => {
  const piece = fc.constantFrom(
    ...[
      'a',
      'v1',
      '.',
      '..',
      '...',
      '%2e',
      '%2E%2e',
      '.%2e',
      '%252e',
      '%2f',
      '%5c',
      '\\',
      ';',
      '%3b',
      '%00',
      '%0a',
      '@',
      ':',
      '%',
    ],
    ...[
      '%c0%ae',
      '%e2%80%a5',
      '%ef%bc%8f',
      '%ef%bc%8e',
      '?',
      '%3f',
      '#',
      '%23',
      ' ',
      '+',
      '%20',
      '%25',
      '2e',
      '2f',
      '%u002e',
      '~',
      '|',
    ],
  );
  const target = fc.array(fc.oneof(piece, fc.constant('/')), { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`);
  const bases = ['https://api.example.com', 'https://api.example.com/base', 'https://api.example.com:8443/a/b/'].map(
    (text) => {
      const upstream = compileUpstream(text);
      if (typeof upstream === 'string') throw new Error(upstream);
      return upstream;
    },
  );
  let accepted = 0;
  fc.assert(
    fc.property(target, fc.constantFrom(...bases), (sent, upstream) => {
      if (reasonOf(() => canonicalTarget(sent)) !== undefined) return;
      accepted += 1;
      const { path, query } = canonicalTarget(sent);
      const joined = `${upstreamPath(upstream, path)}${query}`;
      const url = new URL(upstream.origin + joined);
      if (url.origin !== upstream.origin) throw new Error(`left the host: ${joined}`);
      if (url.pathname !== `${upstream.basePath}${path}`) throw new Error(`read as ${url.pathname}`);
      if (`${decodeURIComponent(url.pathname)}/`.includes('/../')) throw new Error(`dot segments: ${url.pathname}`);
      if (canonicalTarget(path).path !== path) throw new Error(`not its own form: ${path}`);
    }),
    { seed: 1, numRuns: 5_000 },
  );
  t.ok(accepted > 300, 'and some are accepted');
  t.end();
});

// A place that is remembered is the place of that path, method, host and kind of request, and of no other.

import { test } from 'tap';
import { type Asked, createFindPlace } from '../../src/routing/place.ts';
import { compile, reasonOf } from '../support/routing-world.ts';

const { catalogue } = compile([
  { preset: 'openai', upstream: 'https://api.openai.com' },
  { name: 'named', path: '/openai', host: 'undefined', upstream: 'https://named.example' },
]);
const asked: Asked = {
  rawPath: '/openai/v1/chat/completions',
  method: 'POST',
  authority: 'gate.example',
  transport: 'http',
};

test('what is asked again is found again, and is the same', (t) => {
  const find = createFindPlace(catalogue);
  const place = find(asked);
  t.equal(place.matched?.operation.name, 'chat');
  t.equal(place.upstreamPath, '/v1/chat/completions');
  t.equal(find({ ...asked }), place, 'remembered');
  t.end();
});

test('another method, host or kind of request is another place, in whatever order they come', (t) => {
  const others: readonly Partial<Asked>[] = [
    { method: 'GET' },
    { authority: 'undefined' },
    { authority: undefined },
    { transport: 'upgrade' },
    { rawPath: '/openai/v1/embeddings' },
  ];
  const told = (find: ReturnType<typeof createFindPlace>, change: Partial<Asked>) => {
    try {
      const { compiled, matched, upstreamPath } = find({ ...asked, ...change });
      return [compiled.spec.id, matched?.operation.name, upstreamPath];
    } catch {
      return reasonOf(() => find({ ...asked, ...change }));
    }
  };
  const fresh = others.map((change) => told(createFindPlace(catalogue), change));
  const find = createFindPlace(catalogue);
  find(asked);
  t.strictSame(
    others.map((change) => told(find, change)),
    fresh,
  );
  t.strictSame(others.map((change) => told(find, change)).reverse(), [...fresh].reverse(), 'and once more');
  t.strictSame(fresh[1]?.[0], 'named');
  t.strictSame(fresh[2]?.[0], 'openai', 'no host is not a host of that name');
  t.end();
});

test('a path that is refused is refused each time', (t) => {
  const find = createFindPlace(catalogue);
  for (const rawPath of ['/openai/../admin', '/nothing/here', '/openai/v1/%2e%2e/x']) {
    const first = reasonOf(() => find({ ...asked, rawPath }));
    t.ok(first);
    t.equal(
      reasonOf(() => find({ ...asked, rawPath })),
      first,
    );
  }
  t.end();
});

// Mount confusion: a path that only begins with the letters of a route's path, or spells it otherwise, must not be served by
// that route: it would carry that route's credential to a place its policy never saw.

import { test } from 'tap';
import { refusedFor, routed, startGate } from '../support/routing-world.ts';

test('a route begins and ends on segments', async (t) => {
  const gate = await startGate(t, [{ preset: 'openai' }, { name: 'a', path: '/a/b', upstream: 'https://ab.example' }]);
  for (const path of [
    '/openaix/v1/models',
    '/openai-/v1',
    '/openai.v1',
    '/open',
    '/OpenAI/v1/models',
    '/a',
    '/a/bc',
    '/a/b%20',
  ]) {
    t.equal(refusedFor(await gate.ask({ path })), 'route_unmatched', path);
  }
  t.equal(routed(await gate.ask({ path: '/a/b' })).route.id, 'a');
  t.equal(routed(await gate.ask({ path: '/%61/b/c' })).upstream.path, '/c', 'one form for matching and forwarding');
});

test('the longest path wins, so an inner route is never served by an outer one', async (t) => {
  const gate = await startGate(t, [
    { name: 'outer', path: '/', upstream: 'https://outer.example' },
    { name: 'inner', path: '/api/secure', upstream: 'https://inner.example' },
    { name: 'middle', path: '/api', upstream: 'https://middle.example' },
  ]);
  const routeOf = async (path: string): Promise<string> => routed(await gate.ask({ path })).route.id;
  t.equal(await routeOf('/api/secure/x'), 'inner');
  t.equal(await routeOf('/api/secur%65/x'), 'inner');
  t.equal(await routeOf('/api/secured'), 'middle');
  t.equal(await routeOf('/apis'), 'outer');
});

test('a Host header cannot reach a route of another host', async (t) => {
  const gate = await startGate(t, [
    { name: 'internal', host: 'internal.example', path: '/', upstream: 'https://internal.example' },
    { preset: 'openai' },
  ]);
  const ask = (host: string, path: string): ReturnType<typeof gate.ask> => gate.ask({ path, headers: { host } });
  t.equal(routed(await ask('internal.example', '/openai/v1/models')).route.id, 'internal', 'the host decides first');
  t.equal(routed(await ask('INTERNAL.example.:8080', '/x')).route.id, 'internal');
  t.equal(routed(await ask('other.example', '/openai/v1/models')).route.id, 'openai');
  t.equal(refusedFor(await ask('internal.example.evil.example', '/x')), 'route_unmatched');
  t.equal(refusedFor(await ask('notinternal.example', '/x')), 'route_unmatched');
});

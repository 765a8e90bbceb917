import { QdrantClient } from '@qdrant/js-client-rest';
import { test } from 'tap';
import { startQdrant } from '../../demo/upstreams/qdrant.ts';
import { embed } from '../../demo/upstreams/words.ts';
import { type DemoWorld, startUpstream } from '../support/demo-world.ts';
import { rejection } from '../support/rejection.ts';

async function client({ upstream, token }: DemoWorld, changes = {}) {
  return new QdrantClient({ url: upstream.url, apiKey: await token(changes), checkCompatibility: false });
}

test('the seeded collection answers a question with the text that is about it', async (t) => {
  const world = await startUpstream(t, startQdrant, 'vectors.read');
  const qdrant = await client(world);
  t.match(await qdrant.getCollections(), { collections: [{ name: 'research' }] });
  t.match(await qdrant.getCollection('research'), { status: 'green', points_count: 4 });
  const query = embed('what is a confused deputy');
  const { points } = await qdrant.query('research', { query, limit: 2, with_payload: true });
  t.equal(points.length, 2);
  t.match(points[0]?.payload, { text: /^A confused deputy/ });
  const response = await fetch(`${world.upstream.url}/collections/research/points/search`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await world.token()}` },
    body: JSON.stringify({ vector: query, limit: 1, with_payload: true }),
  });
  const { result: found } = (await response.json()) as { result: unknown };
  t.match(found, [{ id: points[0]?.id, payload: { text: /^A confused deputy/ } }]);
  t.match(world.upstream.received().at(-1), {
    path: '/collections/research/points/search',
    outcome: 'accepted',
    hop: { scopes: ['vectors.read'] },
  });
});

test('what is written can be found', async (t) => {
  const qdrant = await client(await startUpstream(t, startQdrant, 'vectors.read vectors.write'));
  await qdrant.createCollection('notes', { vectors: { size: 2, distance: 'Cosine' } });
  const points = [
    { id: 1, vector: [1, 0], payload: { note: 'east' } },
    { id: 2, vector: [0, 1], payload: { note: 'north' } },
  ];
  t.match(await qdrant.upsert('notes', { wait: true, points }), { status: 'completed' });
  const found = await qdrant.query('notes', { query: [0.1, 0.9], limit: 1, with_payload: true });
  t.match(found.points, [{ id: 2, payload: { note: 'north' } }]);
});

test('reading and writing are different scopes', async (t) => {
  const world = await startUpstream(t, startQdrant, 'vectors.read');
  const points = [{ id: 9, vector: embed('x') }];
  t.match(await rejection((await client(world)).upsert('research', { points })), { status: 403 });
  t.equal(world.upstream.received().at(-1)?.outcome, 'insufficient_scope');
  t.match(await rejection((await client(world, { audience: 'other' })).getCollections()), { status: 401 });
});

test('unknown collections and wrong vectors are errors, as Qdrant tells them', async (t) => {
  const qdrant = await client(await startUpstream(t, startQdrant, 'vectors.read vectors.write'));
  t.match(await rejection(qdrant.getCollection('nothing')), { status: 404 });
  t.match(await rejection(qdrant.query('research', { query: [1, 2] })), { status: 400 });
  t.match(await rejection(qdrant.upsert('research', { points: [{ id: 1, vector: [1] }] })), { status: 400 });
});

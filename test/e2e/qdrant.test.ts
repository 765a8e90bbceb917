// The Qdrant client through the gate: reading with a reading token, writing with a writing one, each chosen by the operation.

import { QdrantClient } from '@qdrant/js-client-rest';
import { type Test, test } from 'tap';
import { startQdrant } from '../../demo/upstreams/qdrant.ts';
import { embeddingSize } from '../../demo/upstreams/words.ts';
import { startVendor, type VendorWorld } from '../support/e2e-vendor.ts';
import { calls } from '../support/e2e-world.ts';
import { rejection } from '../support/rejection.ts';

const route = {
  scopes: undefined,
  scopes_by: { 'request.operation == "search"': ['vectors.read'], true: ['vectors.write'] },
  allow: [{ id: 'research', when: 'request.resource == "research"' }],
};

function start(t: Test): Promise<VendorWorld> {
  return startVendor(t, { preset: 'qdrant', audience: 'qdrant', scope: 'vectors.read', start: startQdrant, route });
}

async function client(world: VendorWorld): Promise<QdrantClient> {
  const { apiKey, headers } = await world.credentials();
  return new QdrantClient({ url: world.gate, prefix: '/qdrant', apiKey, headers, checkCompatibility: false });
}

const vector = Array.from({ length: embeddingSize }, (_, index) => (index === 0 ? 1 : 0));

test('a search carries a token that can only read, an upsert one that can write', async (t) => {
  const world = await start(t);
  const qdrant = await client(world);
  const { points } = await qdrant.query('research', { query: vector, limit: 2, with_payload: true });
  t.equal(points.length, 2);
  await qdrant.upsert('research', { points: [{ id: 900, vector, payload: { text: 'new' } }] });
  const [nearest] = (await qdrant.query('research', { query: vector, limit: 1, with_payload: true })).points;
  t.match(nearest, { id: 900, payload: { text: 'new' } });
  t.strictSame(
    world.vendor.received().map(({ outcome, hop }) => [outcome, hop?.scopes]),
    [
      ['accepted', ['vectors.read']],
      ['accepted', ['vectors.write']],
      ['accepted', ['vectors.read']],
    ],
  );
});

test('another collection is not this policy', async (t) => {
  const world = await start(t);
  const error = await rejection((await client(world)).query('secrets', { query: vector, limit: 1 }));
  t.match(error.message, /Forbidden|403/);
  t.strictSame(world.vendor.received(), []);
  t.match(calls((await world.end()).records), [{ reason: 'policy_denied' }]);
});

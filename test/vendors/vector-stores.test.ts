// Vector stores by their own clients: Qdrant with the exchanged token of a server that validates JWTs, or with its one standing key;
// Pinecone with its standing key, on both of its planes.

import { Errors, Pinecone } from '@pinecone-database/pinecone';
import { QdrantClient } from '@qdrant/js-client-rest';
import { type Test, test } from 'tap';
import { sendJson } from '../../demo/upstreams/serve.ts';
import type { Answer } from '../support/e2e-upstream.ts';
import { exchanged, standing } from '../support/vendors-arms.ts';
import { expectAttributed, startVendorGate, type VendorGate } from '../support/vendors-gate.ts';
import { tellRefusals } from '../support/vendors-refusals.ts';

const qdrantAnswer: Answer = (response) => {
  sendJson(response, 200, { result: { points: [{ id: 7, version: 0, score: 0.5 }] }, status: 'ok', time: 0 });
};

function qdrantGate(t: Test, arm = exchanged('qdrant', ['vectors.read'], 'api-key'), route = {}): Promise<VendorGate> {
  return startVendorGate(t, { preset: 'qdrant', arm, route, answer: qdrantAnswer, requestId: 'x-request-id' });
}

function qdrant(gate: VendorGate, apiKey: string, headers: Record<string, string>): QdrantClient {
  return new QdrantClient({ url: gate.gate, prefix: '/qdrant', apiKey, headers, checkCompatibility: false });
}

for (const [how, arm] of Object.entries({
  'the exchanged token': exchanged('qdrant', ['vectors.read'], 'api-key'),
  'a standing key': standing('api-key'),
})) {
  test(`Qdrant: a search, by ${how}`, async (t) => {
    const gate = await qdrantGate(t, arm);
    const { apiKey, headers } = await gate.credentials();
    const { points } = await qdrant(gate, apiKey, headers).query('research', { query: [0.1, 0.2] });
    t.match(points, [{ id: 7 }]);
    await expectAttributed(t, gate, [{ operation: 'search' }]);
  });
}

test('Qdrant: refusals are errors of the client', async (t) => {
  const gate = await qdrantGate(t, undefined, { allow: [{ id: 'research', when: 'request.resource == "research"' }] });
  const ask = (collection: string) => (apiKey: string, headers: Record<string, string>) =>
    qdrant(gate, apiKey, headers).query(collection, { query: [0.1] });
  await tellRefusals(t, gate, {
    ask: ask('research'),
    askDenied: ask('secrets'),
    tooMany: { status: { error: 'Too many requests' }, time: 0 },
    // The class is its HTTP layer's and has no name of its own at runtime.
    expect: (status) => [Error, { status }],
  });
});

const pineconeAnswer: Answer = (response, { url }) => {
  if (url === '/query') return sendJson(response, 200, { matches: [{ id: 'a', score: 0.5 }], namespace: 'team-a' });
  const index = { name: 'docs', dimension: 1, metric: 'cosine', host: 'docs.svc.example', vector_type: 'dense' };
  const spec = { serverless: { cloud: 'aws', region: 'us-east-1' } };
  sendJson(response, 200, { ...index, spec, status: { ready: true, state: 'Ready' }, deletion_protection: 'disabled' });
};

function pineconeGate(t: Test, route = {}): Promise<VendorGate> {
  const options = { preset: 'pinecone', arm: standing('api-key'), answer: pineconeAnswer };
  return startVendorGate(t, { ...options, route, requestId: 'x-pinecone-request-id' });
}

function pinecone(gate: VendorGate, apiKey: string, additionalHeaders: Record<string, string>): Pinecone {
  return new Pinecone({ apiKey, controllerHostUrl: `${gate.gate}/pinecone`, additionalHeaders, maxRetries: 0 });
}

test('Pinecone: an index of the control plane, and a query by the host of its route', async (t) => {
  const gate = await pineconeGate(t);
  const { apiKey, headers } = await gate.credentials();
  const client = pinecone(gate, apiKey, headers);
  t.match(await client.describeIndex('docs'), { name: 'docs' });
  const index = client.index({ host: `${gate.gate}/pinecone`, namespace: 'team-a', additionalHeaders: headers });
  t.match((await index.query({ vector: [0.1], topK: 1 })).matches, [{ id: 'a' }]);
  await expectAttributed(t, gate, [{ operation: 'indexes.get' }, { operation: 'search' }]);
});

test('Pinecone: refusals are errors of the client', async (t) => {
  const gate = await pineconeGate(t, { allow: [{ id: 'docs', when: 'request.resource == "docs"' }] });
  const ask = (index: string) => (apiKey: string, headers: Record<string, string>) =>
    pinecone(gate, apiKey, headers).describeIndex(index);
  const kinds = new Map<number, new (...given: never[]) => Error>([
    [401, Errors.PineconeAuthorizationError],
    [403, Errors.PineconeBadRequestError],
    [429, Errors.PineconeUnmappedHttpError],
    [503, Errors.PineconeMaxRetriesExceededError],
  ]);
  await tellRefusals(t, gate, {
    ask: ask('docs'),
    askDenied: ask('secrets'),
    tooMany: { error: { code: 'RESOURCE_EXHAUSTED', message: 'Too many requests' }, status: 429 },
    expect: (status) => [kinds.get(status) ?? Error, {}],
  });
});

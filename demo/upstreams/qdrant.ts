// A demo Qdrant: collections, upsert, query and search over cosine similarity in memory, in the shapes of its REST API,
// behind a real token check. It starts with one collection, `research`. Scopes: `vectors.read` and `vectors.write`.

import type { ServerResponse } from 'node:http';
import { z } from 'zod';
import {
  type Answer,
  BadRequest,
  type DemoCall,
  NotFound,
  type Problem,
  sendJson,
  serveVendor,
  single,
  type Upstream,
  type Vendor,
} from './serve.ts';
import { bearerOf, type VerifierOptions } from './verify.ts';
import { embed, embeddingSize, similarity } from './words.ts';

const vector = z.array(z.number()).min(1).max(4_096);
const payload = z.record(z.string(), z.json());
const point = z.looseObject({
  id: z.union([z.string(), z.int().min(0)]),
  vector,
  payload: payload.nullish(),
});

const upsertRequest = z.looseObject({ points: z.array(point).min(1).max(1_000) });
const limits = {
  limit: z.int().min(1).max(100).optional(),
  with_payload: z.boolean().nullish(),
  filter: z.null().optional(),
};
const queryRequest = z.looseObject({ query: vector, ...limits });
const searchRequest = z.looseObject({ vector, ...limits });
const createRequest = z.looseObject({
  vectors: z.looseObject({ size: z.int().min(1).max(4_096), distance: z.literal('Cosine') }),
});

type Point = z.output<typeof point>;

interface Collection {
  readonly size: number;
  readonly points: Map<string | number, Point>;
}

/** Most points of one collection: a demo left running must not grow without end. */
const maxPoints = 10_000;

const library = [
  'Token exchange (RFC 8693) trades one security token for another, narrower one.',
  'The act claim names the current actor; nested act claims name the actors before it.',
  'A confused deputy uses its own authority for somebody who does not have it.',
  'Short-lived credentials make a leaked token useless within minutes.',
];

export function startQdrant(options: VerifierOptions): Promise<Upstream> {
  const collections = new Map<string, Collection>([['research', seeded()]]);
  const read = 'vectors.read';
  const write = 'vectors.write';
  const named = (suffix: string) => new RegExp(`^/collections/(?<name>[^/]{1,255})${suffix}$`);
  const at = (handle: (collection: Collection, call: DemoCall) => void) => (call: DemoCall) => {
    const name = call.parameters['name'] ?? '';
    const collection = collections.get(name);
    if (collection === undefined) throw new NotFound(`Collection \`${name}\` doesn't exist!`);
    handle(collection, call);
  };
  const vendor: Vendor = {
    // Qdrant takes either; its own clients send `api-key`.
    credential: (headers) => bearerOf(headers.authorization) ?? single(headers['api-key']),
    refusal,
    endpoints: [
      {
        method: 'GET',
        path: /^\/collections$/,
        scope: read,
        handle: ({ response }) => ok(response, { collections: [...collections.keys()].map((name) => ({ name })) }),
      },
      { method: 'GET', path: named(''), scope: read, handle: at(describe) },
      {
        method: 'PUT',
        path: named(''),
        scope: write,
        handle({ body, parameters, response }) {
          const { vectors } = shaped(createRequest, body);
          collections.set(parameters['name'] ?? '', { size: vectors.size, points: new Map() });
          ok(response, true);
        },
      },
      { method: 'PUT', path: named('/points'), scope: write, handle: at(upsert) },
      {
        method: 'POST',
        path: named('/points/query'),
        scope: read,
        handle: at((collection, { body, response }) => {
          const { query, limit, with_payload } = shaped(queryRequest, body);
          ok(response, { points: nearest(collection, query, limit, with_payload === true) });
        }),
      },
      {
        method: 'POST',
        path: named('/points/search'),
        scope: read,
        handle: at((collection, { body, response }) => {
          const request = shaped(searchRequest, body);
          ok(response, nearest(collection, request.vector, request.limit, request.with_payload === true));
        }),
      },
    ],
  };
  return serveVendor(vendor, options);
}

function seeded(): Collection {
  const points = library.map((text, id): [number, Point] => [id, { id, vector: embed(text), payload: { text } }]);
  return { size: embeddingSize, points: new Map(points) };
}

function describe({ size, points }: Collection, { response }: DemoCall): void {
  const config = { params: { vectors: { size, distance: 'Cosine' } } };
  ok(response, { status: 'green', points_count: points.size, segments_count: 1, config });
}

function upsert({ size, points }: Collection, { body, response }: DemoCall): void {
  const given = shaped(upsertRequest, body).points;
  const wrong = given.find((entry) => entry.vector.length !== size);
  if (wrong !== undefined) {
    throw new BadRequest(`Wrong input: Vector dimension error: expected dim: ${size}, got ${wrong.vector.length}`);
  }
  if (points.size + given.length > maxPoints) throw new BadRequest('Wrong input: the demo collection is full');
  for (const entry of given) points.set(entry.id, entry);
  ok(response, { operation_id: points.size, status: 'completed' });
}

function nearest({ size, points }: Collection, to: readonly number[], limit = 10, withPayload = false): object[] {
  if (to.length !== size)
    throw new BadRequest(`Wrong input: Vector dimension error: expected dim: ${size}, got ${to.length}`);
  return [...points.values()]
    .map((entry) => ({ entry, score: similarity(entry.vector, to) }))
    .sort((left, right) => right.score - left.score)
    .slice(0, limit)
    .map(({ entry, score }) => ({
      id: entry.id,
      version: 0,
      score,
      ...(withPayload ? { payload: entry.payload ?? null } : {}),
    }));
}

function ok(response: ServerResponse, result: unknown): void {
  sendJson(response, 200, { result, status: 'ok', time: 0 });
}

function refusal(problem: Problem, detail: string): Answer {
  const answer = (status: number, error: string) => ({ status, body: { status: { error }, time: 0 } });
  switch (problem) {
    case 'missing':
      return answer(401, 'Must provide an API key or an Authorization bearer token');
    case 'insufficient_scope':
      return answer(403, 'Forbidden: Access to this operation is not granted');
    case 'not_found':
      return answer(404, `Not found: ${detail}`);
    case 'too_large':
      return answer(413, 'Payload too large');
    case 'invalid_request':
      return answer(400, detail);
    default:
      return answer(401, `Invalid API key or JWT (demo: ${problem})`);
  }
}

function shaped<S extends z.ZodType>(schema: S, body: unknown): z.output<S> {
  const read = schema.safeParse(body);
  if (read.success) return read.data;
  throw new BadRequest(`Format error in JSON body: ${read.error.issues[0]?.path.join('.') ?? 'body'}`);
}

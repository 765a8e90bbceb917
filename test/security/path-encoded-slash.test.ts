// An encoded slash ("%2F") is data to one server and a separator to the next. Where a preset must admit one (the ARN of a
// Bedrock model, a file path at GitHub), a caller could use it to smuggle segments past the gate: leave the route, reach a
// blocked endpoint, or turn the call into another operation than the one policy allowed. It passes only inside the parameter
// the preset names, with the path the same operation either way, and stays encoded.

import fc from 'fast-check';
import { test } from 'tap';
import { canonicalTarget } from '../../src/routing/target.ts';
import { type RouteInput, reasonOf, refusedFor, routed, startGate } from '../support/routing-world.ts';

const bedrock: RouteInput = { preset: 'bedrock', upstream: 'https://bedrock-runtime.us-east-1.amazonaws.com' };
const elastic: RouteInput = { preset: 'elasticsearch', upstream: 'https://es.example' };
const json = { 'content-type': 'application/json' };

test('an ARN passes as one segment, and stays one', async (t) => {
  const gate = await startGate(t, [bedrock]);
  const arn = 'arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0';
  for (const sent of [encodeURIComponent(arn), arn.replace('/', '%2f')]) {
    const call = routed(await gate.ask({ method: 'POST', path: `/bedrock/model/${sent}/converse` }));
    t.equal(call.facts.model, arn);
    t.equal(call.facts.operation, 'chat');
    t.equal(call.upstream.path, `/model/${arn.replace('/', '%2F')}/converse`, 'one form is sent');
  }
});

test('no tricks inside it', async (t) => {
  const gate = await startGate(t, [bedrock]);
  const models = [
    ...['..%2Fasync-invoke', 'a%2F..%2F..%2Fasync-invoke', 'a%2F.', '.%2Fa', 'a%2F%2e%2e', '%2e%2e%2Fa'],
    ...['%2Fa', 'a%2F', 'a%2F%2Fb', '%2F', 'a%2F%20', 'a%2F%20..%2Fb'],
    ...['a%252Fb', 'a%25%32%46b', 'a%2Fb%252e', 'a%5Cb', 'a%2F%5C..', 'a%2Fb%255c'],
    ...['a%2F%ef%bc%8e%ef%bc%8e%2Fb', 'a%2F%e2%80%a5', 'a%ef%bc%8fb', 'a%ef%bc%852fb'],
  ];
  for (const model of models) {
    const path = `/bedrock/model/${model}/invoke`;
    t.equal(refusedFor(await gate.ask({ method: 'POST', path })), 'target_escapes_route', model);
  }
  for (const model of ['a%2Fb%3Fc', 'a%2F%23', 'a%2Fb;c', 'a%2Fb%3B', 'a%2F%00', 'a%2F%0a', 'a%2F%c0%af']) {
    const path = `/bedrock/model/${model}/invoke`;
    t.equal(refusedFor(await gate.ask({ method: 'POST', path })), 'target_malformed', model);
  }
});

test('not in any other place of the path', async (t) => {
  const gate = await startGate(t, [bedrock, { preset: 'github' }, elastic]);
  const elsewhere = [
    '/bedrock/model%2Fa/converse',
    '/bedrock/model/a%2Fb%2Fconverse',
    '/bedrock/guardrail/a%2Fb/version/1%2F2/apply',
    '/bedrock%2Fmodel/a/converse',
    '/bedrock/unlisted/a%2Fb',
    '/github/repos/corp%2Fgate/issues/1/comments',
    '/github/repos/corp/gate/pulls/7%2Fmerge',
    '/github/orgs/corp%2Fmembers',
    '/elasticsearch/docs%2F_doc/1',
    '/elasticsearch/%2F_security/user',
  ];
  for (const path of elsewhere) {
    for (const method of ['GET', 'POST', 'PUT']) {
      t.equal(refusedFor(await gate.ask({ method, path })), 'target_escapes_route', `${method} ${path}`);
    }
  }
});

test('not on another route, however near', async (t) => {
  const gate = await startGate(t, [
    bedrock,
    { preset: 'openai' },
    { preset: 'mcp', upstream: 'https://mcp.example' },
    { name: 'plain', path: '/bedrock/model', upstream: 'https://plain.example' },
  ]);
  for (const path of ['/openai/v1/models/a%2Fb', '/mcp%2Fx', '/mcp/a%2Fb', '/bedrock/model/a%2Fb', '/nowhere/a%2Fb']) {
    t.equal(refusedFor(await gate.ask({ path })), 'target_escapes_route', path);
  }
});

test('it cannot make the path another operation', async (t) => {
  const gate = await startGate(t, [{ preset: 'github' }]);
  const asked = [
    ['GET', '/github/repos/corp/gate/branches/main%2Fprotection'],
    ['GET', '/github/repos/corp/gate/branches/main%2Fprotection%2Frequired_signatures'],
  ] as const;
  for (const [method, path] of asked) {
    t.equal(refusedFor(await gate.ask({ method, path })), 'target_escapes_route', path);
  }
  const either = ['/github/repos/corp/gate/contents/a%2Fb.md', '/github/repos/corp/gate/contents/a/b.md'];
  for (const path of either) t.equal(routed(await gate.ask({ path })).facts.operation, 'contents.get');
  t.equal(
    routed(await gate.ask({ path: '/github/repos/corp/gate/branches/feature%2Fx' })).facts.operation,
    'branches.get',
  );
});

test('it cannot reach a blocked endpoint, in either reading, also where the upstream holds its beginning', async (t) => {
  const based = { ...elastic, name: 'based', path: '/based', upstream: 'https://es.example/_security' };
  const gate = await startGate(t, [elastic, based, { preset: 'github' }]);
  const blocked = [
    '/elasticsearch/_security/_doc/a%2Fb',
    '/elasticsearch/_security/a%2Fb',
    '/based/user/_doc/a%2Fb',
    '/github/repos/corp/gate/secret-scanning/alerts%2F1',
    '/github/repos/corp/gate/actions%2Fsecrets/public-key',
  ];
  for (const path of blocked) t.equal(refusedFor(await gate.ask({ path })), 'token_endpoint_blocked', path);
});

test('a document id with slashes is data', async (t) => {
  const gate = await startGate(t, [elastic]);
  const call = routed(
    await gate.ask({ method: 'PUT', path: '/elasticsearch/docs/_doc/a%2fb%2Fc', headers: json, body: '{}' }),
  );
  t.hasStrict(call.facts, { operation: 'documents.write', resource: 'docs' });
  t.equal(call.upstream.path, '/docs/_doc/a%2Fb%2Fc');
});

test('whatever is let through is below the route for servers that decode it as well', (t) => {
  const hostile = ['.', '..', '%2e', '%5c', '%252f', '%20', '%00', ';', '%ef%bc%8f'];
  const piece = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom('a', 'b%20', '%61') },
    { weight: 6, arbitrary: fc.constantFrom('%2F', '%2f', '/') },
    { weight: 1, arbitrary: fc.constantFrom(...hostile) },
  );
  const target = fc.array(piece, { minLength: 1, maxLength: 7 }).map((pieces) => `/${pieces.join('')}`);
  let slashed = 0;
  fc.assert(
    fc.property(target, (sent) => {
      if (reasonOf(() => canonicalTarget(sent, 'counted')) !== undefined) return;
      const canonical = canonicalTarget(sent, 'counted');
      const inside = canonical.segments.filter((segment) => segment.includes('/'));
      if (inside.length !== canonical.slashed) throw new Error('miscounted');
      slashed += canonical.slashed;
      const apart = canonical.path.replaceAll('%2F', '/');
      const read = new URL(apart, 'https://gate.example').pathname;
      if (read !== apart) throw new Error(`read as ${read}`);
      if (apart.slice(0, -1).includes('//')) throw new Error('an empty segment');
      if (canonicalTarget(canonical.path, 'counted').path !== canonical.path) throw new Error('not its own form');
    }),
    { seed: 1, numRuns: 5_000 },
  );
  t.ok(slashed > 100, 'and some have one');
  t.end();
});

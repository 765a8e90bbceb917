// What may be written about exchanges and about a route's credential.

import { test } from 'tap';
import { z } from 'zod';
import { exchangeSchema, routeExchangeShape } from '../../src/exchange/schema.ts';

const client = { id: 'gate', auth: 'client_secret_basic', secret: 's' };
const exchange = { grant: 'token_exchange', issuer: 'https://idp.example.com', client };
const route = z.strictObject(routeExchangeShape);

const accepts = (input: unknown) => exchangeSchema.safeParse(input).success;

test('a token exchange needs little, and gets safe defaults', (t) => {
  t.match(exchangeSchema.parse(exchange), {
    actor_token: 'send',
    subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    timeout: 5_000,
    insecure_http: false,
    parameters: {},
  });
  t.end();
});

test('a grant takes its own options only', (t) => {
  t.notOk(accepts({ ...exchange, grant: 'client_credentials', actor_token: 'omit' }));
  t.notOk(accepts({ ...exchange, value: 'x' }));
  t.notOk(accepts({ ...exchange, grant: 'passthrough' }));
  t.notOk(accepts({ ...exchange, client: undefined }), 'who the gate is must be said');
  t.notOk(accepts({ ...exchange, client: { ...client, auth: 'none' } }), 'a secret that is not used is a mistake');
  t.end();
});

test('no configured parameter may replace what the gate says', (t) => {
  const reserved = ['subject_token', 'actor_token', 'audience', 'scope', 'grant_type', 'client_id', 'client_assertion'];
  for (const name of reserved) t.notOk(accepts({ ...exchange, parameters: { [name]: 'x' } }), name);
  t.ok(accepts({ ...exchange, parameters: { requested_token_use: 'on_behalf_of' } }));
  t.end();
});

test('a static secret is a value or a file, never both and never neither', (t) => {
  t.ok(accepts({ grant: 'static_secret', value: 'sk-1' }));
  t.ok(accepts({ grant: 'static_secret', file: '/run/key' }));
  t.notOk(accepts({ grant: 'static_secret' }));
  t.notOk(accepts({ grant: 'static_secret', value: 'sk-1', file: '/run/key' }));
  t.ok(accepts({ grant: 'static_secret', directory: '/run/keys' }));
  t.notOk(accepts({ grant: 'static_secret', directory: '/run/keys', file: '/run/key' }));
  t.end();
});

test('limits and types', (t) => {
  t.notOk(accepts({ ...exchange, timeout: '60s' }));
  t.notOk(accepts({ ...exchange, timeout: '1ms' }));
  t.notOk(accepts({ ...exchange, issuer: 'idp.example.com' }));
  t.notOk(accepts({ ...exchange, subject_token_type: 'opaque' }));
  t.ok(accepts({ ...exchange, subject_token_type: 'https://corp.example/token-type' }));
  t.end();
});

test('a route must name its exchange: there is no default, not even none', (t) => {
  t.notOk(route.safeParse({}).success);
  t.strictSame(route.parse({ exchange: 'none' }), {
    exchange: 'none',
    resource: [],
    requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    verify: 'strict',
  });
  t.end();
});

test('resources are one or several absolute URIs without fragment (RFC 8707)', (t) => {
  const resources = (resource: unknown) => route.safeParse({ exchange: 'corp', resource }).data?.resource;
  t.strictSame(resources('https://a.example/x?y=1'), ['https://a.example/x?y=1']);
  t.strictSame(resources(['urn:a', 'urn:b']), ['urn:a', 'urn:b']);
  t.equal(resources('https://a.example/#x'), undefined);
  t.equal(resources('/relative'), undefined);
  t.equal(resources([]), undefined);
  t.end();
});

test('a refresh token is never asked for', (t) => {
  const type = (requested_token_type: string) => route.safeParse({ exchange: 'corp', requested_token_type }).success;
  t.ok(type('jwt'));
  t.ok(type('urn:ietf:params:oauth:token-type:id-jag'));
  t.notOk(type('refresh_token'));
  t.notOk(type('urn:ietf:params:oauth:token-type:refresh_token'));
  t.end();
});

test('every field is described, for the generated reference', (t) => {
  const document = z.toJSONSchema(z.strictObject({ exchange: exchangeSchema, route }), { io: 'input' });
  for (const [path, description] of properties(document)) t.ok(description, `${path} is described`);
  t.end();
});

function properties(node: unknown, path = ''): [string, unknown][] {
  if (typeof node !== 'object' || node === null) return [];
  return Object.entries(node).flatMap(([name, value]): [string, unknown][] => {
    if (name !== 'properties') return properties(value, `${path}/${name}`);
    return Object.entries(value).flatMap(([field, shape]): [string, unknown][] => {
      const own = typeof shape === 'object' && shape !== null && 'description' in shape ? shape.description : undefined;
      return [
        ...(path === '' ? [] : [[`${path}/${field}`, own] as [string, unknown]]),
        ...properties(shape, `${path}/${field}`),
      ];
    });
  });
}

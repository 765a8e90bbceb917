import { test } from 'tap';
import { embeddedIssuerSchema, parseListen, stsSchema } from '../../src/sts/schema.ts';

function problems(input: unknown): string[] {
  const result = embeddedIssuerSchema.safeParse(input);
  return result.success ? [] : result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
}

test('an empty configuration is a safe one', (t) => {
  t.equal(stsSchema.parse(undefined).embedded, undefined, 'no issuer unless asked for');
  const embedded = embeddedIssuerSchema.parse({});
  t.match(embedded, { listen: '127.0.0.1:9191', token_ttl: 300_000, insecure_mint: false, clients: [], audiences: [] });
  t.end();
});

test('listening off loopback takes insecure_listen_anywhere', (t) => {
  t.match(problems({ listen: '192.0.2.7:9191' }), [/^listen: is not loopback/]);
  t.match(problems({ listen: '[2001:db8::7]:9191' }), [/^listen: is not loopback/]);
  t.match(problems({ listen: 'localhost:9191' })[0], /^listen: is not an address/, 'a name can resolve elsewhere');
  t.strictSame(problems({ listen: '192.0.2.7:9191', insecure_listen_anywhere: true }), []);
  t.strictSame(problems({ listen: '[::1]:0' }), []);
  t.end();
});

test('an issuer on every interface must be told its name', (t) => {
  t.match(problems({ listen: '0.0.0.0:9191', insecure_listen_anywhere: true }), [/^issuer: is missing/]);
  const named = { listen: '0.0.0.0:9191', insecure_listen_anywhere: true, issuer: 'http://sts.demo:9191' };
  t.strictSame(problems(named), []);
  t.match(problems({ issuer: 'http://sts.demo/realm' }), [/^issuer: has a path/]);
  t.end();
});

test('a client brings exactly what its authentication needs', (t) => {
  const jwks = { keys: [{ kty: 'EC', crv: 'P-256', x: 'a', y: 'b' }] };
  const cases: [object, RegExp | undefined][] = [
    [{ id: 'a', secret: 's' }, undefined],
    [{ id: 'a' }, /clients\.0\.secret: is missing/],
    [{ id: 'a', auth: 'private_key_jwt', jwks }, undefined],
    [{ id: 'a', auth: 'private_key_jwt' }, /clients\.0\.jwks: is missing/],
    [{ id: 'a', auth: 'private_key_jwt', jwks, secret: 's' }, /clients\.0\.secret: has no effect/],
    [{ id: 'a', secret: 's', jwks }, /clients\.0\.jwks: has no effect/],
    [{ id: 'a', auth: 'private_key_jwt', jwks: { keys: [{ kty: 'EC', d: 'x' }] } }, /is a private key/],
  ];
  for (const [client, expected] of cases) {
    const found = problems({ clients: [client] });
    if (expected === undefined) t.strictSame(found, []);
    else t.match(found, [expected]);
  }
  t.end();
});

test('a client or audience listed twice is reported where it is repeated', (t) => {
  const clients = [
    { id: 'a', secret: 's' },
    { id: 'a', secret: 't' },
  ];
  t.strictSame(problems({ clients, audiences: [{ id: 'x' }, { id: 'y' }, { id: 'x' }] }), [
    'clients.1.id: is there twice',
    'audiences.2.id: is there twice',
  ]);
  t.end();
});

test('listen addresses are read with their brackets', (t) => {
  t.match(parseListen('[::1]:0'), { host: '::1', port: 0, loopback: true });
  t.match(parseListen('127.8.9.1:80'), { host: '127.8.9.1', loopback: true });
  t.match(parseListen('[::]:80'), { loopback: false, unspecified: true });
  for (const text of ['', ':80', '127.0.0.1', '127.0.0.1:65536', '300.1.1.1:80', '127.0.0.1:x']) {
    t.equal(parseListen(text), undefined, text);
  }
  t.end();
});

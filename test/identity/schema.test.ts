// The configuration of identity: what it defaults to and what it refuses, with the mend in the message.

import { test } from 'tap';
import { identitySchema, trustSchema } from '../../src/identity/schema.ts';

const entry = { name: 'corp', issuer: 'https://idp.example.com', audiences: ['postern'], principal: 'workload' };

function problems(schema: typeof trustSchema | typeof identitySchema, value: unknown): string[] {
  const result = schema.safeParse(value);
  return result.success ? [] : result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

test('a trust entry has safe defaults', (t) => {
  const parsed = trustSchema.parse(entry);
  t.match(parsed, { types: ['at+jwt', 'jwt', 'absent'], clock_skew: 30_000, insecure_http: false });
  t.ok(parsed.algorithms.includes('ES256'));
  t.notOk(parsed.algorithms.some((name) => name.startsWith('HS')));
  t.strictSame(trustSchema.parse({ ...entry, types: ['application/AT+JWT'] }).types, ['at+jwt']);
  t.end();
});

test('symmetric algorithms and none cannot be configured', (t) => {
  for (const name of ['HS256', 'none', 'rs256']) {
    t.match(problems(trustSchema, { ...entry, algorithms: [name] }), [/^algorithms\.0/]);
  }
  t.end();
});

test('an issuer of both kinds needs a rule, and a rule needs such an issuer', (t) => {
  t.match(problems(trustSchema, { ...entry, principal: 'any' }), [/^workload_when: is required/]);
  t.match(problems(trustSchema, { ...entry, workload_when: 'true' }), [/^workload_when: has no effect/]);
  t.strictSame(problems(trustSchema, { ...entry, principal: 'any', workload_when: 'true' }), []);
  t.end();
});

test('plain http is for literal loopback, or a word that looks unsafe', (t) => {
  const http = (issuer: string, more = {}) => problems(trustSchema, { ...entry, issuer, ...more });
  t.match(http('http://idp.example.com'), [/^issuer: is plain http off this machine/]);
  t.match(http('http://localhost:1'), [/^issuer/], 'a name can be made to resolve elsewhere');
  t.match(http('https://idp.example.com', { jwks_uri: 'http://keys.example.com/' }), [/^jwks_uri/]);
  t.strictSame(http('http://127.0.0.1:1'), []);
  t.strictSame(http('http://[::1]:1'), []);
  t.strictSame(http('http://idp.example.com', { insecure_http: true }), []);
  t.end();
});

test('audiences are never empty, unknown options are problems', (t) => {
  t.match(problems(trustSchema, { ...entry, audiences: [] }), [/^audiences/]);
  t.match(problems(trustSchema, { ...entry, audience: ['x'] }), [/audience/]);
  t.match(problems(trustSchema, { ...entry, clock_skew: '1h' }), [/^clock_skew: is more than 5m/]);
  t.end();
});

test('a sidecar needs its token file, and only a sidecar has one', (t) => {
  t.strictSame(identitySchema.parse({}), { mode: 'shared', max_chain_depth: 6, allowed_origins: [] });
  t.match(problems(identitySchema, { mode: 'sidecar' }), [/^token_file: is required/]);
  t.match(problems(identitySchema, { token_file: '/x' }), [/^token_file: has no effect/]);
  t.match(problems(identitySchema, { max_chain_depth: 0 }), [/^max_chain_depth/]);
  t.end();
});

test('an entry for transaction tokens is for one trust domain and says whose workloads belong to it', (t) => {
  const domain = { ...entry, accept: 'txn_token', audiences: ['corp.example'], callers: ['corp', 'spiffe://corp'] };
  t.strictSame(problems(trustSchema, domain), []);
  t.match(problems(trustSchema, { ...domain, callers: undefined }), [/^callers: is required/]);
  t.match(problems(trustSchema, { ...domain, audiences: ['a', 'b'] }), [/^audiences: is more than one/]);
  t.match(problems(trustSchema, { ...domain, types: ['jwt'] }), [/^types: has no effect/]);
  t.match(problems(trustSchema, { ...domain, caller_claim: 'azp' }), [/^caller_claim: has no effect/]);
  t.match(problems(trustSchema, { ...entry, callers: ['corp'] }), [/^callers: has no effect/]);
  t.match(problems(trustSchema, { ...entry, types: ['jwt', 'txntoken+jwt'] }), [/^types: .*accept: txn_token/]);
  t.end();
});

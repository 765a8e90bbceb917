// The configuration of the audit log: defaults, keys, and mistakes that are told.

import { generateKeyPairSync } from 'node:crypto';
import { test } from 'tap';
import { auditSchema } from '../../src/audit/schema.ts';
import { readPublicKey, readSigningKey } from '../../src/audit/signing-key.ts';
import { Secret } from '../../src/base/secret.ts';
import { ed25519, p256 } from '../support/audit-keys.ts';

test('defaults', (t) => {
  t.strictSame(auditSchema.parse(undefined), {
    sink: 'stdout',
    subject: 'pseudonymous',
    durability: 'async',
    fail: 'closed',
    checkpoints: { records: 1_000, interval: 60_000 },
    rotation: { size: 268_435_456, age: 86_400_000 },
    otlp: false,
    ocsf: false,
  });
  t.end();
});

test('a signing key is a secret from parsing on', (t) => {
  for (const { privatePem } of [ed25519, p256]) {
    const config = auditSchema.parse({ signing_key: privatePem });
    t.ok(config.signing_key instanceof Secret);
    t.notMatch(JSON.stringify(config), 'PRIVATE KEY');
  }
  t.end();
});

test('mistakes are told', (t) => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2_048 }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  const wrong: [object, RegExp][] = [
    [{ sink: 'file' }, /needs the path to append to/],
    [{ file: '/tmp/x' }, /has no effect with sink stdout/],
    [{ durability: 'before_response' }, /needs `sink: file`/],
    [{ durability: 'before_response', otlp: true }, /or a collector, is on no disk yet/],
    [{ signing_key: String(rsa) }, /is no Ed25519 or P-256 private key/],
    [{ signing_key: ed25519.publicPem }, /is no Ed25519 or P-256 private key/],
    [{ signing_key: 'canary' }, /is no Ed25519 or P-256 private key/],
    [{ checkpoints: { interval: '0ms' } }, /is not between/],
    [{ checkpoints: { records: 0 } }, />=1/],
    [{ rotation: { size: '1B' } }, /is less than 64KiB/],
    [{ rotation: { age: '1s' } }, /is less than 1m/],
    [{ sampled: true }, /sampled/],
  ];
  for (const [config, says] of wrong) {
    const { error } = auditSchema.safeParse(config);
    t.match(error?.message, says, JSON.stringify(config).slice(0, 60));
    t.notMatch(error?.message, /canary|BEGIN/);
  }
  t.end();
});

test('keys as JWK, and one id for both halves', (t) => {
  for (const type of ['ed25519', 'ec'] as const) {
    const pair = type === 'ec' ? generateKeyPairSync('ec', { namedCurve: 'P-256' }) : generateKeyPairSync('ed25519');
    const own = readSigningKey(new Secret(JSON.stringify(pair.privateKey.export({ format: 'jwk' }))));
    const theirs = readPublicKey(JSON.stringify(pair.publicKey.export({ format: 'jwk' })));
    t.equal(own?.kid, theirs?.kid);
    t.equal(theirs?.verify('text', own?.sign('text') ?? Buffer.alloc(0)), true);
    t.equal(theirs?.verify('other', own?.sign('text') ?? Buffer.alloc(0)), false);
  }
  t.equal(readPublicKey('{"kty":"EC","crv":"P-384"}'), undefined);
  t.equal(readPublicKey(''), undefined);
  t.end();
});

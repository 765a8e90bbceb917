// A secret shows its fingerprint and nothing else, whatever tries to print it.

import { inspect } from 'node:util';
import pino from 'pino';
import { test } from 'tap';
import { Secret } from '../../src/base/secret.ts';

const value = 'sk-canary-5d41402abc4b2a76';

test('every way of printing a secret prints its fingerprint', (t) => {
  const secret = new Secret(value);
  const shown = /^\[secret sha256:[0-9a-f]{16}\]$/;

  t.match(String(secret), shown);
  t.match(`${secret}`, shown);
  t.match(inspect(secret), shown);
  t.match(inspect({ deep: { secret } }, { depth: 9, showHidden: true }), /\[secret sha256:/);
  t.equal(JSON.stringify({ secret }), JSON.stringify({ secret: secret.toString() }));
  t.notMatch(inspect(secret, { showHidden: true, customInspect: false }), value);
  t.notMatch(JSON.stringify(Object.getOwnPropertyDescriptors(secret)), value);
  t.end();
});

test('a logger given a secret by mistake does not print it', (t) => {
  let written = '';
  const log = pino(
    {},
    {
      write: (line: string) => {
        written += line;
      },
    },
  );
  log.info({ secret: new Secret(value), nested: [new Secret(value)] }, 'mistake');
  t.notMatch(written, value);
  t.match(written, 'sha256:');
  t.end();
});

test('the value can be had on purpose, and equal values share a fingerprint', (t) => {
  t.equal(new Secret(value).reveal(), value);
  t.equal(new Secret(value).fingerprint, new Secret(value).fingerprint);
  t.not(new Secret(value).fingerprint, new Secret(`${value}x`).fingerprint);
  t.equal(new Secret(value).length, value.length);
  t.end();
});

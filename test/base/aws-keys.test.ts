// AWS keys as one secret: canonical, unprintable, and never of characters that could end a header line.

import fc from 'fast-check';
import { test } from 'tap';
import { awsKeysOf, checkedAwsKeys, secretOfAwsKeys } from '../../src/base/aws-keys.ts';
import { Secret } from '../../src/base/secret.ts';

const keys = { accessKeyId: 'ASIAXXXXXXXXXXXXXXXX', secretAccessKey: 'a/b+c', sessionToken: 'token==' };

test('what went in comes out, in one spelling, and is not printed', (t) => {
  const secret = secretOfAwsKeys(keys);
  t.strictSame(awsKeysOf(secret), keys);
  const { sessionToken, accessKeyId, secretAccessKey } = keys;
  const again = secretOfAwsKeys({ sessionToken, secretAccessKey, accessKeyId });
  t.equal(again.fingerprint, secret.fingerprint);
  t.notMatch(JSON.stringify({ secret }) + String(secret), 'a/b+c');
  t.strictSame(awsKeysOf(secretOfAwsKeys({ accessKeyId, secretAccessKey })), { accessKeyId, secretAccessKey });
  t.end();
});

test('anything else is no key', (t) => {
  for (const text of ['', 'AKIA', '{}', '[]', 'null', JSON.stringify({ ...keys, more: 1 })]) {
    t.equal(awsKeysOf(new Secret(text)), undefined);
  }
  for (const odd of [{ accessKeyId: 'short' }, { secretAccessKey: 'a b' }, { sessionToken: '' }, { sessionToken: 7 }]) {
    t.equal(checkedAwsKeys({ ...keys, ...odd }), undefined);
  }
  t.equal(checkedAwsKeys({ ...keys, sessionToken: 'x'.repeat(16_385) }), undefined);
  t.end();
});

test('property: no value that is taken could end a line or a quoted string', (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 12 }), (text) => {
      const taken = checkedAwsKeys({ ...keys, sessionToken: text });
      return taken === undefined || /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(text);
    }),
    { seed: 1, numRuns: 500 },
  );
  t.end();
});

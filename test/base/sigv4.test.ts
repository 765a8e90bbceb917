// Signature Version 4: the first vector of AWS's own test suite, by the implementation that judges in the other tests and by
// the signer; and that nobody pays for the signer who signs nothing.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { presignAws, signAws } from '../../src/base/sigv4.ts';
import { verifyPresigned, verifySigV4 } from '../support/exchange-vendors/aws-sigv4.ts';

// aws-sig-v4-test-suite, get-vanilla.
const secretAccessKey = 'wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY';
const at = Date.UTC(2015, 7, 30, 12, 36, 0);
const check = {
  service: 'service',
  region: 'us-east-1',
  now: at,
  signerOf: (id: string) => (id === 'AKIDEXAMPLE' ? { secretAccessKey, sessionToken: '', endsAt: at + 1 } : undefined),
};
const vanilla =
  'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31';

test('the judge of the other tests agrees with AWS', (t) => {
  const rawHeaders = ['Host', 'example.amazonaws.com', 'X-Amz-Date', '20150830T123600Z', 'Authorization', vanilla];
  const message = { method: 'GET', path: '/', rawHeaders, body: Buffer.alloc(0) };
  t.strictSame(verifySigV4(message, check), { accessKeyId: 'AKIDEXAMPLE' });
  t.match(verifySigV4({ ...message, path: '/a' }, check), { failure: 'InvalidSignatureException' });
  t.match(verifySigV4(message, { ...check, now: at + 301_000 }), { failure: 'ExpiredTokenException' });
  t.end();
});

test('a presigned URL is good for as long as it says, for one place and one method', async (t) => {
  const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey };
  const request = {
    method: 'POST',
    origin: 'https://example.amazonaws.com',
    path: '/?Action=X',
    headers: [],
    body: undefined,
  };
  const query = await presignAws(request, keys, { service: 'service', region: 'us-east-1', at, expiresIn: 60 });
  const url = `https://example.amazonaws.com/?${[...query].map((pair) => pair.map(encodeURIComponent).join('=')).join('&')}`;
  const later = { ...check, signerOf: () => ({ secretAccessKey, sessionToken: '', endsAt: at + 1e9 }) };
  t.strictSame(verifyPresigned(url, 'POST', { ...later, now: at + 59_000 }), { accessKeyId: 'AKIDEXAMPLE' });
  for (const verdict of [
    verifyPresigned(url, 'POST', { ...later, now: at + 61_000 }),
    verifyPresigned(url, 'GET', later),
    verifyPresigned(url.replace('Action=X', 'Action=Y'), 'POST', later),
    verifyPresigned(url, 'POST', { ...later, region: 'eu-west-1' }),
  ]) {
    t.match(verdict, { failure: 'InvalidSignatureException' });
  }
});

test('a query that is not UTF-8 is not signed', async (t) => {
  const request = {
    method: 'GET',
    origin: 'https://example.amazonaws.com',
    path: '/?a=%FF',
    headers: [],
    body: undefined,
  };
  const scope = { service: 'service', region: 'us-east-1', at };
  await t.rejects(signAws(request, { accessKeyId: 'AKIDEXAMPLE', secretAccessKey }, scope), URIError);
});

test('the signer is loaded by what signs, and by nothing that starts', (t) => {
  const src = join(import.meta.dirname, '../../src');
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'));
  for (const path of files) {
    t.notMatch(readFileSync(join(src, path), 'utf8'), /from '@smithy\//, `${path} imports it when it is needed`);
  }
  t.end();
});

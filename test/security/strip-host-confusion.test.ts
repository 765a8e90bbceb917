// Attack: two hosts in one request, so that routing believes one and something behind it the other; or a credential in the
// authority, where nobody strips it.

import { test } from 'tap';
import { reasonOf, stripped } from '../support/identity-world.ts';

test('a second Host is refused, even the same (RFC 9112 3.2)', async (t) => {
  t.equal(await reasonOf(() => stripped(['Host', 'a.example', 'hOST', 'a.example'])), 'header_ambiguous');
});

test('a Host that is no host and port is refused', async (t) => {
  for (const host of [
    'user@a.example',
    'a.example/x',
    'a b',
    'a.example:',
    'a%2eexample',
    '[::1',
    'a.example, b.example',
  ]) {
    t.equal(await reasonOf(() => stripped(['Host', host])), 'request_malformed', host);
  }
});

test('hosts, ports and IPv6 literals pass', (t) => {
  for (const host of ['a.example', 'A.example:8080', '127.0.0.1', '[::1]:80', 'postern']) {
    t.equal(stripped(['Host', host]).authority, host.toLowerCase());
  }
  t.equal(stripped(['Host', '']).authority, undefined);
  t.equal(stripped([]).authority, undefined);
  t.end();
});

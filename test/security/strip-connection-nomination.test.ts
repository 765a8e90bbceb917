// Attack: `Connection: x-real-header` makes a proxy drop a header another part relies on (the hop-by-hop abuse of 2019).
// Against this gate: make it lose the subject token, the MCP headers policy reads, or the framing of the body.

import { test } from 'tap';
import { reasonOf, stripped } from '../support/identity-world.ts';

test('a nominated field is not forwarded (RFC 9110 7.6.1)', (t) => {
  const call = stripped(['X-One', '1', 'connection', 'close, X-One', 'X-Two', '2', 'Connection', 'x_two']);
  t.strictSame(call.headers, []);
  t.end();
});

test('a nominated credential is still seen by the gate', (t) => {
  const call = stripped([
    'Connection',
    'authorization, postern-subject-token',
    'Authorization',
    'Bearer a',
    'Postern-Subject-Token',
    'b',
  ]);
  t.strictSame(
    call.presented.map(({ slot, value }) => `${slot} ${value.reveal()}`),
    ['header:authorization a', 'header:postern-subject-token b'],
  );
  t.end();
});

test('a field that says what the message is cannot be nominated away', async (t) => {
  for (const name of [
    'Content-Type',
    'content-length',
    'Content-Encoding',
    'Mcp-Method',
    'mcp_name',
    'Host',
    'accept',
  ]) {
    t.equal(await reasonOf(() => stripped(['Connection', `close, ${name}`])), 'request_malformed', name);
  }
});

test('the usual options nominate nothing', (t) => {
  for (const value of ['close', 'keep-alive', 'Upgrade', 'TE, Trailer', 'keep-alive, Transfer-Encoding', '']) {
    t.strictSame(stripped(['Connection', value, 'Accept', '*/*']).headers, ['Accept', '*/*'], value);
  }
  t.end();
});

// Attack: make the gate connect to the cloud's metadata service (which hands out the machine's own credentials) or to another
// internal address: by a literal address in any spelling, by a name that resolves to it, by a name that resolves to it only the
// second time (DNS rebinding), or by a redirect.
// Held by: the address policy is asked inside the connection, for the very address that is connected; redirects are not followed.

import type { LookupAddress, lookup as systemLookup } from 'node:dns';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { test } from 'tap';
import { createAddressPolicy } from '../../src/base/addresses.ts';
import { portOf, startGate } from '../support/forwarding-gate.ts';
import { forwardingWorld } from '../support/forwarding-world.ts';

const spellings = [
  'http://169.254.169.254',
  'http://2852039166',
  'http://0xa9fea9fe',
  'http://0251.0376.0251.0376',
  'http://[::ffff:169.254.169.254]',
  'http://[::ffff:a9fe:a9fe]',
  'http://[64:ff9b::a9fe:a9fe]',
  'http://[fd00:ec2::254]',
  'http://[fe80::1]',
  'http://100.100.100.200',
  'http://0.0.0.0:1',
  'http://[::]:1',
];

for (const spelling of spellings) {
  test(`${spelling} is never connected`, async (t) => {
    const { origin } = new URL(spelling);
    const gate = await startGate({ origin });
    t.teardown(gate.close);
    t.equal((await fetch(`${gate.url}/things/latest/meta-data`)).status, 502);
    t.match(await gate.ended(), { reason: 'upstream_address_refused' });
  });
}

test('a name that resolves to metadata is never connected', async (t) => {
  const { resolve } = resolver(() => '169.254.169.254');
  const gate = await startGate({ origin: 'http://innocent.example', addresses: createAddressPolicy({ resolve }) });
  t.teardown(gate.close);
  t.equal((await fetch(`${gate.url}/things/a`)).status, 502);
  t.match(await gate.ended(), { reason: 'upstream_address_refused' });
});

test('rebinding: the address that was checked is the one connected, and each connection is checked anew', async (t) => {
  const accepted: string[] = [];
  const server = createServer((socket) => {
    accepted.push(socket.remoteAddress ?? '');
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok'));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const answers = ['127.0.0.1', '169.254.169.254'];
  const { resolve, asked } = resolver(() => answers.shift() ?? '169.254.169.254');
  const gate = await startGate({
    origin: `http://rebinding.example:${portOf(server.address())}`,
    addresses: createAddressPolicy({ resolve }),
  });
  t.teardown(async () => {
    await gate.close();
    server.close();
  });

  t.equal(await (await fetch(`${gate.url}/things/a`)).text(), 'ok');
  t.equal(asked(), 1, 'resolved once: nothing is resolved again between check and connection');
  t.equal((await fetch(`${gate.url}/things/a`)).status, 502);
  t.match(gate.refusals, [{ reason: 'upstream_address_refused' }]);
  t.equal(accepted.length, 1);
});

test('a redirect is told to the agent without its target, and never followed', async (t) => {
  const { upstream, gate } = await forwardingWorld(t, (_request, response) => {
    response.writeHead(302, { location: 'http://169.254.169.254/latest/meta-data/' }).end();
  });
  const answer = await fetch(`${gate.url}/things/a`, { redirect: 'manual' });
  t.equal(answer.status, 302);
  t.equal(answer.headers.get('location'), null);
  t.equal(upstream.requests.length, 1);
});

function resolver(answer: () => string) {
  let asked = 0;
  const resolve = (_host: string, _options: object, callback: (error: null, found: LookupAddress[]) => void) => {
    asked += 1;
    callback(null, [{ address: answer(), family: 4 }]);
  };
  // The overloads of dns.lookup cannot be written as one function; the policy always asks for all addresses.
  return { resolve: resolve as unknown as typeof systemLookup, asked: () => asked };
}

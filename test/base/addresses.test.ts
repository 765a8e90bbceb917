// Where outgoing connections may go: metadata and link-local services never by accident, in any spelling of their address.

import type { LookupAddress, lookup as systemLookup } from 'node:dns';
import { connect } from 'node:net';
import { test } from 'tap';
import { AddressRefused, createAddressPolicy, isNetwork } from '../../src/base/addresses.ts';

const refusedByDefault = {
  'the metadata service of most clouds': '169.254.169.254',
  'any link-local address': '169.254.0.1',
  'Alibaba metadata': '100.100.100.200',
  'Azure WireServer': '168.63.129.16',
  'this host': '0.0.0.0',
  'all of 0/8': '0.1.2.3',
  multicast: '224.0.0.1',
  broadcast: '255.255.255.255',
  unspecified: '::',
  'IPv6 link-local': 'fe80::1',
  'IPv6 link-local with a zone': 'fe80::1%eth0',
  'IPv6 multicast': 'ff02::1',
  'AWS metadata over IPv6': 'fd00:ec2::254',
  'Google metadata over IPv6': 'fd20:ce::254',
  'IPv4-mapped metadata': '::ffff:169.254.169.254',
  'IPv4-mapped metadata in hex': '::ffff:a9fe:a9fe',
  'IPv4-translated metadata': '::ffff:0:169.254.169.254',
  'IPv4-compatible metadata': '::169.254.169.254',
  'NAT64 metadata': '64:ff9b::a9fe:a9fe',
  'local NAT64 metadata': '64:ff9b:1::a9fe:a9fe',
  '6to4 metadata': '2002:a9fe:a9fe::1',
  'IPv4-mapped unspecified': '::ffff:0.0.0.0',
  'text that is no address': 'metadata.google.internal',
  'a decimal spelling': '2852039166',
  'an octal spelling': '0251.0376.0251.0376',
  'a short spelling': '127.1',
  'nothing at all': '',
};

for (const [name, address] of Object.entries(refusedByDefault)) {
  test(`refused by default: ${name}`, async (t) => {
    t.equal(createAddressPolicy().permits(address), false);
  });
}

const permittedByDefault = {
  'a public address': '93.184.216.34',
  'a public IPv6 address': '2606:2800:220:1::1',
  loopback: '127.0.0.1',
  'IPv6 loopback': '::1',
  'a private address of the cluster': '10.3.2.1',
  'a unique local address': 'fd12:3456::1',
  'a public address behind NAT64': '64:ff9b::5db8:d822',
};

for (const [name, address] of Object.entries(permittedByDefault)) {
  test(`permitted by default: ${name}`, async (t) => {
    t.equal(createAddressPolicy().permits(address), true);
  });
}

test('deny adds networks, in every spelling of their addresses', async (t) => {
  const policy = createAddressPolicy({ deny: ['10.0.0.0/8', 'fd00::/8'] });
  t.equal(policy.permits('10.3.2.1'), false);
  t.equal(policy.permits('::ffff:10.3.2.1'), false);
  t.equal(policy.permits('fd12::1'), false);
  t.equal(policy.permits('192.168.0.1'), true);
});

test('allow makes exceptions from deny and from the defaults', async (t) => {
  const policy = createAddressPolicy({ deny: ['10.0.0.0/8'], allow: ['10.9.0.0/16', '169.254.169.254/32'] });
  t.equal(policy.permits('10.9.1.1'), true);
  t.equal(policy.permits('10.8.1.1'), false);
  t.equal(policy.permits('169.254.169.254'), true);
  t.equal(policy.permits('169.254.169.253'), false);
});

test('deny of everything leaves what is allowed', async (t) => {
  const policy = createAddressPolicy({ deny: ['0.0.0.0/0', '::/0'], allow: ['10.9.0.0/16'] });
  t.equal(policy.permits('10.9.1.1'), true);
  t.equal(policy.permits('93.184.216.34'), false);
  t.equal(policy.permits('2606:2800:220:1::1'), false);
});

test('a network that is none stops the start', async (t) => {
  t.throws(() => createAddressPolicy({ deny: ['10.0.0.0'] }), TypeError);
  t.equal(isNetwork('10.0.0.0/33'), false);
  t.equal(isNetwork('10.0.0.0/8'), true);
});

test('lookup gives one address or all, as asked', async (t) => {
  const { lookup } = createAddressPolicy({ resolve: resolver([{ address: '10.0.0.1', family: 4 }]) });
  t.strictSame(await looked(lookup, { all: true }), [null, [{ address: '10.0.0.1', family: 4 }]]);
  t.strictSame(await looked(lookup, {}), [null, '10.0.0.1', 4]);
});

test('a name with one refused address among good ones is refused as a whole', async (t) => {
  const { lookup } = createAddressPolicy({
    resolve: resolver([
      { address: '93.184.216.34', family: 4 },
      { address: '169.254.169.254', family: 4 },
    ]),
  });
  const [error] = await looked(lookup, { all: true });
  t.ok(error instanceof AddressRefused);
});

test('a name without addresses is refused', async (t) => {
  const { lookup } = createAddressPolicy({ resolve: resolver([]) });
  const [error] = await looked(lookup, {});
  t.ok(error instanceof AddressRefused);
});

test('a socket asked to connect to a refused name never connects', async (t) => {
  const { lookup } = createAddressPolicy({ resolve: resolver([{ address: '169.254.169.254', family: 4 }]) });
  const socket = connect({ host: 'innocent.example', port: 80, lookup });
  const error = await new Promise((resolve) => socket.once('error', resolve));
  t.ok(error instanceof AddressRefused);
});

type Lookup = ReturnType<typeof createAddressPolicy>['lookup'];

function looked(lookup: Lookup, options: { all?: boolean }): Promise<unknown[]> {
  return new Promise((resolve) => lookup('name.example', options, (...answer) => resolve(answer)));
}

function resolver(found: LookupAddress[]): typeof systemLookup {
  // The overloads of dns.lookup cannot be written as one function; the policy always asks for all addresses.
  const resolve = (_host: string, _options: object, callback: (error: null, found: LookupAddress[]) => void) =>
    callback(null, found);
  return resolve as unknown as typeof systemLookup;
}

// Which network addresses the gate may connect to, checked at the moment of connecting: the address that was checked is the
// address that is connected, so a name that resolves differently the second time (DNS rebinding) gains nothing.
// Must never let a configured or redirected host reach link-local or metadata services: they hand out cloud credentials.

import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Network = [Address, number];

/**
 * Refused unless `network.allow` names them. Private ranges and loopback are not here: a sidecar calls services of its own
 * cluster and machine.
 */
const refusedNetworks = [
  '0.0.0.0/8', // "this host": connects to loopback on Linux
  '169.254.0.0/16', // link-local; 169.254.169.254 is the metadata service of most clouds
  '100.100.100.200/32', // Alibaba Cloud metadata
  '168.63.129.16/32', // Azure WireServer
  '192.0.0.192/32', // Oracle Cloud metadata
  '224.0.0.0/4', // multicast
  '255.255.255.255/32', // broadcast
  '::/128', // unspecified
  'fe80::/10', // link-local
  'ff00::/8', // multicast
  'fd00:ec2::254/128', // AWS metadata
  'fd20:ce::254/128', // Google Cloud metadata
].map(parseNetwork);

/** IPv6 forms that carry an IPv4 address, which is then what counts: network, and the byte its four bytes start at. */
const carriers: readonly (readonly [Network, number])[] = [
  [parseNetwork('::ffff:0:0/96'), 12], // IPv4-mapped
  [parseNetwork('::ffff:0:0:0/96'), 12], // IPv4-translated, RFC 7915
  [parseNetwork('::/96'), 12], // IPv4-compatible (deprecated)
  [parseNetwork('64:ff9b::/96'), 12], // NAT64, RFC 6052
  [parseNetwork('64:ff9b:1::/48'), 12], // local-use NAT64, RFC 8215, with a /96 prefix of it
  [parseNetwork('2002::/16'), 2], // 6to4, RFC 3056
];

export interface AddressPolicyOptions {
  /** Networks (CIDR) refused besides the built-in ones. */
  readonly deny?: readonly string[];
  /** Networks (CIDR) permitted although refused by `deny` or built in. */
  readonly allow?: readonly string[];
  /** Resolves names; the system's resolver unless a test puts its own. */
  readonly resolve?: typeof systemLookup;
}

export interface AddressPolicy {
  /** Whether a connection to this IP address is permitted; text that is no IP address is not. */
  permits(address: string): boolean;
  /** For `lookup` of `net.connect`: resolves, then fails with {@link AddressRefused} if any answer is not permitted. */
  readonly lookup: LookupFunction;
}

/** The address is refused by policy. Its message names host and address: neither is a secret. */
export class AddressRefused extends Error {
  readonly code = 'ADDRESS_REFUSED';

  constructor(host: string, address: string) {
    super(host === address ? `${address} is refused` : `${host} resolves to ${address}, which is refused`);
    this.name = 'AddressRefused';
  }
}

/** @throws TypeError when a network is no CIDR; see {@link isNetwork}. */
export function createAddressPolicy(options: AddressPolicyOptions = {}): AddressPolicy {
  const refused = [...refusedNetworks, ...(options.deny ?? []).map(parseNetwork)];
  const allowed = (options.allow ?? []).map(parseNetwork);
  const resolve = options.resolve ?? systemLookup;

  function permits(text: string): boolean {
    if (isIP(text) === 0) return false;
    return formsOf(ipaddr.parse(text)).every((address) => contains(allowed, address) || !contains(refused, address));
  }

  const lookup: LookupFunction = (host, lookupOptions, callback) => {
    resolve(host, { ...lookupOptions, all: true }, (error, found: LookupAddress[]) => {
      if (error !== null) return callback(error, '');
      const [first] = found;
      if (first === undefined) return callback(new AddressRefused(host, 'no address'), '');
      // One refused answer among good ones is what a rebinding attempt looks like: none of them is used.
      const bad = found.find(({ address }) => !permits(address));
      if (bad !== undefined) return callback(new AddressRefused(host, bad.address), '');
      return lookupOptions.all ? callback(null, found) : callback(null, first.address, first.family);
    });
  };

  return { permits, lookup };
}

/** Whether text is a network in CIDR notation, such as 10.0.0.0/8 or fd00::/8. */
export function isNetwork(text: string): boolean {
  return ipaddr.isValidCIDR(text);
}

function parseNetwork(text: string): Network {
  if (!isNetwork(text)) throw new TypeError(`${text} is not a network in CIDR notation`);
  return ipaddr.parseCIDR(text);
}

/** The address itself and the IPv4 address it carries, where it does. */
function formsOf(address: Address): Address[] {
  const forms = [address];
  // ::1 reads as IPv4-compatible 0.0.0.1, which it is not.
  if (address.kind() === 'ipv4' || address.range() === 'loopback') return forms;
  const bytes = address.toByteArray();
  for (const [network, at] of carriers) {
    if (contains([network], address)) forms.push(ipaddr.fromByteArray(bytes.slice(at, at + 4)));
  }
  return forms;
}

function contains(networks: readonly Network[], address: Address): boolean {
  return networks.some(([base, bits]) => base.kind() === address.kind() && address.match(base, bits));
}

// Keeps web pages away from a sidecar. Beside its agent, a call without a credential is the agent's own; a page in a browser on
// the same machine could make such calls: by a name rebound to loopback, by a cross-site request, by a WebSocket, for which
// browsers ask nobody. Agents' SDKs send neither Origin nor Sec-Fetch-Site, and call the gate by its address.
// Must never be the only thing that tells an agent from somebody else: it only sees what browsers cannot help sending.

import { isIP } from 'node:net';
import { Refusal } from '../base/errors.ts';
import type { StrippedCall } from '../call.ts';

export interface CrossSiteOptions {
  /** Whether only this machine reaches the listener: then it answers to loopback names, and to `hosts`. */
  readonly loopback: boolean;
  /** Host names that routes are matched by. */
  readonly hosts: readonly string[];
  /** Values of `Origin` let through: agents that live in a browser of their own. */
  readonly origins: readonly string[];
}

/** @returns a check that throws Refusal `cross_site_refused` for what only a web page sends. */
export function createCrossSiteCheck(options: CrossSiteOptions): (call: StrippedCall) => void {
  const hosts = new Set(options.hosts.map(nameOf));
  const origins = new Set(options.origins);

  return function refuseCrossSite({ authority, rawHeaders }) {
    const name = nameOf(authority ?? '');
    if (options.loopback && !isLoopbackName(name) && !hosts.has(name)) {
      throw new Refusal('cross_site_refused', { detail: 'the host is neither a loopback name nor that of a route' });
    }
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const header = rawHeaders[i]?.toLowerCase();
      const value = rawHeaders[i + 1] ?? '';
      if (header === 'origin' && !origins.has(value)) {
        throw new Refusal('cross_site_refused', { detail: 'the origin is not in identity.allowed_origins' });
      }
      if (header === 'sec-fetch-site' && value !== 'same-origin' && value !== 'none') {
        throw new Refusal('cross_site_refused', { detail: 'a page of another site made this call' });
      }
    }
  };
}

function nameOf(host: string): string {
  return host.toLowerCase().replace(/:\d+$/, '');
}

function isLoopbackName(name: string): boolean {
  return name === 'localhost' || name === '[::1]' || (isIP(name) === 4 && name.startsWith('127.'));
}

// Rewrites the URLs in response headers that point back at the upstream, so that the agent comes back through the gate.
// Must never pass on an absolute upstream URL: it would be a way around the gate, and upload URLs are capabilities.

import type { ArmedCall } from '../call.ts';

/** Longest URL or Link header looked at, in characters; longer ones are dropped. */
const maxUrlLength = 8_192;

const authority = /^[A-Za-z0-9._\-[\]:]{1,255}$/;

export interface Locations {
  /** The path at the gate for a URL of the upstream; undefined when it leads anywhere else. */
  toGate(call: ArmedCall, url: string): string | undefined;
  /** The same as an absolute URL, for headers whose readers do not resolve references. */
  toGateUrl(call: ArmedCall, url: string): string | undefined;
  /** A whole Link header (RFC 8288); undefined when any of its targets leads elsewhere. */
  toGateLinks(call: ArmedCall, links: string): string | undefined;
}

export interface LocationRules {
  readonly origin: string;
  readonly upstreamBase: string;
  readonly gatePath: string;
}

export function compileLocations({ origin, upstreamBase, gatePath }: LocationRules): Locations {
  const { origin: ownOrigin } = new URL(origin);

  function toGate(call: ArmedCall, url: string): string | undefined {
    if (url.length > maxUrlLength) return undefined;
    const target = URL.parse(url, ownOrigin + call.upstream.path);
    // Userinfo in a redirect target would be sent back to us as a credential.
    if (target === null || target.origin !== ownOrigin || target.username !== '' || target.password !== '') {
      return undefined;
    }
    if (!isBelow(target.pathname, upstreamBase)) return undefined;
    const below = target.pathname.slice(upstreamBase.length);
    const path = `${gatePath}${below}${target.search}${target.hash}`;
    // "//host" would be read as another authority.
    return path.startsWith('//') ? undefined : path;
  }

  return {
    toGate,
    toGateUrl(call, url) {
      const path = toGate(call, url);
      const gate = gateOrigin(call);
      return path === undefined || gate === undefined ? undefined : gate + path;
    },
    toGateLinks(call, links) {
      if (links.length > maxUrlLength) return undefined;
      let lost = false;
      const rewritten = links.replace(/<([^<>]*)>/g, (_link, url: string) => {
        const path = toGate(call, url);
        if (path === undefined) lost = true;
        return `<${path}>`;
      });
      return lost ? undefined : rewritten;
    },
  };
}

/** Whether a canonical path is the base itself or below it; query and fragment may follow. */
export function isBelow(path: string, base: string): boolean {
  if (!path.startsWith(base)) return false;
  const next = path[base.length];
  return next === undefined ? base !== '' : next === '/' || next === '?';
}

/** Where the agent reached us, by its own word: it is told to nobody but that agent. */
function gateOrigin(call: ArmedCall): string | undefined {
  if (call.authority === undefined || !authority.test(call.authority)) return undefined;
  const { socket } = call.transport.request;
  return `${'encrypted' in socket ? 'https' : 'http'}://${call.authority}`;
}

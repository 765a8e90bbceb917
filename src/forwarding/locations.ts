// Rewrites the URLs in response headers that point back at the upstream, so that the agent comes back through the gate.
// Must never pass on an absolute upstream URL: it would be a way around the gate, and upload URLs are capabilities.

import type { ArmedCall } from '../call.ts';

/** Longest URL or Link header looked at, in characters; longer ones are dropped. */
const maxUrlLength = 8_192;

/** RFC 8288 section 3, one entry and what separates it from the next. No quoted pairs: they could spell a URL we do not see. */
const linkEntry =
  /[ \t]*<([^<>]*)>((?:[ \t]*;[ \t]*[!#$%&'*+.^_`|~\w-]+(?:[ \t]*=[ \t]*(?:"[^"\\]*"|[!#$%&'*+.^_`|~\w/:-]+))?)*)[ \t]*(,|$)/y;

/** Anything a client could take for an absolute URL. */
const absoluteUrl = /(?:https?:|[\\/]{2})[^\s"'<>]*/gi;

const authority = /^[A-Za-z0-9._\-[\]:]{1,255}$/;

export interface Locations {
  /** The path at the gate for a URL of the upstream; undefined when it leads anywhere else. */
  toGate(call: ArmedCall, url: string): string | undefined;
  /** The same as an absolute URL, for headers whose readers do not resolve references. */
  toGateUrl(call: ArmedCall, url: string): string | undefined;
  /** A whole Link header (RFC 8288); undefined when it is malformed, or any of its URLs leads elsewhere. */
  toGateLinks(call: ArmedCall, links: string): string | undefined;
}

export interface LocationRules {
  readonly origin: string;
  readonly upstreamBase: string;
  readonly gatePath: string;
}

export function compileLocations({ origin, upstreamBase, gatePath }: LocationRules): Locations {
  const { origin: ownOrigin, hostname: ownHost } = new URL(origin);

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

  /** Parameters such as `anchor` can hold one, and so can a query. */
  function namesUpstream(text: string): boolean {
    return (text.match(absoluteUrl) ?? []).some((url) => URL.parse(url, ownOrigin)?.hostname === ownHost);
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
      const rewritten: string[] = [];
      for (const [target, parameters] of entriesOf(links)) {
        const path = target === undefined ? undefined : toGate(call, target);
        if (path === undefined || namesUpstream(path + parameters)) return undefined;
        rewritten.push(`<${path}>${parameters}`);
      }
      return rewritten.join(', ');
    },
  };
}

/** Target and parameters of each entry; an entry without target where the header is malformed. */
function* entriesOf(links: string): Generator<readonly [string | undefined, string]> {
  linkEntry.lastIndex = 0;
  for (let separator: string | undefined = ','; separator === ','; ) {
    const entry = linkEntry.exec(links);
    yield [entry?.[1], entry?.[2] ?? ''];
    separator = entry?.[3];
  }
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

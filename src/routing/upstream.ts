// An upstream's base URL, taken apart at load, and the one way a request path is put below it.
// Joining is concatenation of canonical parts: the result stays below the base by construction (and by property test).

import { Refusal } from '../base/errors.ts';
import { canonicalPath } from './target.ts';

export interface Upstream {
  /** Scheme and authority, e.g. `https://api.openai.com`. */
  readonly origin: string;
  /** Host name without port; an IPv6 address without brackets. */
  readonly hostname: string;
  readonly port: number;
  readonly tls: boolean;
  /** Path as configured, for a request to exactly the route's own path. */
  readonly ownPath: string;
  /** The same without a last "/": what longer paths are put below. */
  readonly basePath: string;
}

/** @returns the parts, or what is wrong with the URL's path. */
export function compileUpstream(text: string): Upstream | string {
  const url = new URL(text);
  // The path as written: URL would resolve dot segments and hide what was meant.
  const written = /^[^:]+:\/\/[^/?#]*(\/[^?#]*)?/.exec(text)?.[1] ?? '/';
  try {
    if (canonicalPath(written).path !== written || url.pathname !== written)
      return 'has a path that is not in canonical form';
  } catch (failure) {
    if (failure instanceof Refusal) return failure.detail ?? failure.reason;
    throw failure;
  }
  const tls = url.protocol === 'https:';
  return {
    origin: url.origin,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (tls ? 443 : 80) : Number.parseInt(url.port, 10),
    tls,
    ownPath: written,
    basePath: written.endsWith('/') ? written.slice(0, -1) : written,
  };
}

/** @param below canonical path below the route: empty, or starting with "/". */
export function upstreamPath({ ownPath, basePath }: Upstream, below: string): string {
  return below === '' ? ownPath : `${basePath}${below}`;
}

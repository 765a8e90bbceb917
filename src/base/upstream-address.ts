// Server address and port of a URL, for span attributes and labels; parsed once for each origin.
// Takes nothing of a URL but scheme, host and port: userinfo, path and query can carry credentials.

import { createRecent, type Marked } from './recent.ts';

/** Origins remembered; routes name far fewer, but a wildcard host may be chosen by a caller. */
const maxOrigins = 1_024;

export interface ServerAddress {
  readonly address: string;
  readonly port: number;
}

interface Known extends ServerAddress, Marked {}

const known = createRecent<Known>({ most: maxOrigins });

export function serverAddress(url: string): ServerAddress {
  const before = known.get(url);
  if (before !== undefined) return before;
  const parsed = { ...parse(url), used: false };
  known.set(url, parsed);
  return parsed;
}

const unknown: ServerAddress = { address: 'unknown', port: 0 };

function parse(url: string): ServerAddress {
  if (!URL.canParse(url)) return unknown;
  const { hostname, port, protocol } = new URL(url);
  if (hostname === '') return unknown;
  const otherwise = protocol === 'https:' || protocol === 'wss:' ? 443 : 80;
  return { address: hostname, port: port === '' ? otherwise : Number(port) };
}

/** `url` without userinfo, query and fragment. */
export function bareUrl(url: string): string {
  const end = url.search(/[?#]/);
  const bare = end === -1 ? url : url.slice(0, end);
  return bare.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, '$1');
}

// What a reload can and cannot change, and which unsafe options are on.
// Sockets, telemetry and the issuer are made once at start: changing them under live calls would lose records.

import { isDeepStrictEqual } from 'node:util';
import type { Config } from '../config/schema.ts';

const fixedAtStart = ['listen', 'telemetry', 'audit', 'sts', 'revocation', 'workers'] as const;

/** Sections that differ but are only read at start. */
export function changedBeyondReload(before: Config, after: Config): readonly string[] {
  const sections = fixedAtStart.filter((section) => !isDeepStrictEqual(plain(before[section]), plain(after[section])));
  const listens = isDeepStrictEqual(plain(before.inbound?.listen), plain(after.inbound?.listen));
  return listens ? sections : [...sections, 'inbound.listen'];
}

/** Secrets compare by fingerprint. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? null));
}

/** Paths of every `insecure_...` option that is on, for the warnings at start. */
export function insecureOptions(value: unknown, path = ''): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const here = path === '' ? name : `${path}.${name}`;
    if (name.startsWith('insecure_') && inner === true) return [here];
    return insecureOptions(inner, here);
  });
}

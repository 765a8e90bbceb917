// Takes credentials out of the WebSocket subprotocols offered: browsers cannot set headers, so SDKs put keys here.
// Must never leave a credential in the list: the upstream may echo it, and proxies log it.

import { Secret } from '../base/secret.ts';
import type { PresentedCredential } from '../call.ts';
import { holdsHandle } from './handle.ts';
import { accountSubprotocols, credentialSubprotocols, pairedSubprotocols } from './slots.ts';
import { credentialValue } from './slots-headers.ts';

/** Subprotocols read; no API offers more than a handful. */
const maxSubprotocols = 32;

/** Longest subprotocol kept, in characters: real names are short, unlisted credentials are not. */
const maxSubprotocolName = 64;

/**
 * @param offered values of Sec-WebSocket-Protocol, joined with ","
 * @param presented credentials found are added here
 * @returns what may be offered to the upstream, in order
 */
export function stripSubprotocols(offered: string | undefined, presented: PresentedCredential[]): readonly string[] {
  if (offered === undefined) return [];
  const items = offered.split(',', maxSubprotocols).map((item) => item.trim());
  const kept: string[] = [];

  for (let i = 0; i < items.length; i += 1) {
    const item = items[i] ?? '';
    const lower = item.toLowerCase();
    if (item === '' || accountSubprotocols.some((prefix) => lower.startsWith(prefix))) continue;
    if (pairedSubprotocols.has(lower)) {
      i += 1;
      const value = items[i];
      if (value !== undefined)
        presented.push({ slot: `subprotocol:${lower}`, scheme: lower, value: new Secret(value) });
      continue;
    }
    const found = credentialIn(item, lower);
    if (found === undefined) kept.push(item);
    else presented.push(found);
  }
  return kept;
}

function credentialIn(item: string, lower: string): PresentedCredential | undefined {
  for (const { prefix, base64url } of credentialSubprotocols) {
    if (!lower.startsWith(prefix)) continue;
    const value = item.slice(prefix.length);
    const text = base64url ? Buffer.from(value, 'base64url').toString('utf8') : value;
    return { slot: `subprotocol:${prefix.replace(/[.-]$/, '')}`, scheme: undefined, value: new Secret(text) };
  }
  if (item.length > maxSubprotocolName || credentialValue.test(item) || holdsHandle(item)) {
    return { slot: 'subprotocol:unlisted', scheme: undefined, value: new Secret(item) };
  }
  return undefined;
}

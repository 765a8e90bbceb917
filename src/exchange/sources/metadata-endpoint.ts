// Where a metadata service may be: its fixed place, or this machine (sidecars that stand in for it, and tests).
// Must never be any other plain http address: the answer is a credential.

import { httpUrl, isLoopback } from '../../base/scalars.ts';

/** Google: by name, since the address may change; Azure: link-local. Both documented as fixed. */
const fixed = new Set(['http://metadata.google.internal', 'http://169.254.169.254']);

export const metadataEndpoint = httpUrl.refine(
  // Asked of what is no URL, too: that is told by itself.
  (text) => fixed.has(text) || !URL.canParse(text) || isLoopback(new URL(text)),
  'is neither the metadata service nor on this machine',
);

// Whether a value can be placed on a request at all: routing says where, forwarding puts it there at the last moment.
// Must never let a value through that could end the header line it will stand in.

import type { Secret } from '../base/secret.ts';

/** More does not fit in the header block of common servers, in characters. */
const maxSecretLength = 16 * 1024;

/** Visible ASCII and inner spaces (RFC 9110 section 5.5), bounded. */
export function isPlaceable(secret: Secret): boolean {
  return secret.length <= maxSecretLength && /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(secret.reveal());
}

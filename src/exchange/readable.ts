// What a token says of itself, read without verifying it: for tokens that came straight from the issuer that was asked, and
// for the gate's own. Must never be what a call is admitted by: identity/jwt.ts verifies those.

import { decodeJwt, decodeProtectedHeader } from 'jose';
import type { Secret } from '../base/secret.ts';
import type { TokenClaims } from './grant.ts';

/** Whether a token is readable, so that introspection has nothing to add. */
export function isReadable(token: Secret): boolean {
  return readPayload(token) !== undefined;
}

/** `exp` of a token this gate holds for itself, in seconds since the epoch; undefined where it does not say. */
export function expiryOf(token: Secret): number | undefined {
  const exp = readPayload(token)?.exp;
  return typeof exp === 'number' && Number.isFinite(exp) ? exp : undefined;
}

/** undefined for anything but a signed JWT: opaque tokens, and encrypted ones, which are opaque to us. */
export function readPayload(token: Secret): TokenClaims | undefined {
  try {
    return decodeJwt(token.reveal());
  } catch {
    return undefined;
  }
}

/** `typ` of its header, in lower case; undefined where it has none. */
export function typOf(token: Secret): string | undefined {
  try {
    const { typ } = decodeProtectedHeader(token.reveal());
    return typeof typ === 'string' ? typ.toLowerCase() : undefined;
  } catch {
    return undefined;
  }
}

// A token that is of use with its key only (RFC 9449): both kept as one Secret that holds canonical JSON, so that a credential
// stays one value to cache and to hand between threads, and whoever is handed it can prove possession.
// Must never be placed on a request as it is: the token goes there, the key signs.

import * as z from 'zod';
import { type DpopKey, readDpopKey } from './dpop.ts';
import { Secret } from './secret.ts';

export interface BoundToken {
  readonly token: Secret;
  readonly key: DpopKey;
}

const shape = z.strictObject({ token: z.string().min(1), jwk: z.record(z.string(), z.string()) });

export function secretOfBoundToken({ token, key }: BoundToken): Secret {
  const jwk = key.privateKey.export({ format: 'jwk' });
  return new Secret(JSON.stringify({ token: token.reveal(), jwk }));
}

/** Read once for each credential and given up with it: reading a key takes longer than signing with it. */
const known = new WeakMap<Secret, BoundToken>();

/** undefined for a secret that is something else. */
export function boundTokenOf(secret: Secret): BoundToken | undefined {
  const before = known.get(secret);
  if (before !== undefined) return before;
  const bound = read(secret);
  if (bound !== undefined) known.set(secret, bound);
  return bound;
}

function read(secret: Secret): BoundToken | undefined {
  try {
    const { token, jwk } = shape.parse(JSON.parse(secret.reveal()));
    return { token: new Secret(token), key: readDpopKey(jwk) };
  } catch {
    return undefined;
  }
}

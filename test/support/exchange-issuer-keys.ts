// Signing keys of the test issuer: published as a JWKS, rotated on demand. Tokens signed before a rotation stay good for as
// long as the old key is published.

import { exportJWK, generateKeyPair, type JWK, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import type { Clock } from '../../src/base/ports.ts';

export interface IssuerKeys {
  /** What is published now. */
  jwks(): { readonly keys: readonly JWK[] };
  sign(claims: JWTPayload, typ?: string): Promise<string>;
  /** undefined for anything that is no token of this issuer that holds now. */
  verify(token: string, issuer: string): Promise<JWTPayload | undefined>;
  /** From now on another key signs; with `forget` the old one is published no more. */
  rotate(options?: { readonly forget?: boolean }): Promise<void>;
}

export async function createIssuerKeys(clock: Clock): Promise<IssuerKeys> {
  const generate = (kid: string) => generateKeyPair('ES256', { extractable: true }).then((pair) => ({ kid, ...pair }));
  let current = await generate('k1');
  let published = [{ ...(await exportJWK(current.publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' }];
  const verifying = new Map([[current.kid, current.publicKey]]);

  return {
    jwks: () => ({ keys: published }),
    sign: (claims, typ) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', kid: current.kid, ...(typ !== undefined && { typ }) })
        .sign(current.privateKey),
    async verify(token, issuer) {
      const key = ({ kid }: { kid?: string }) => {
        const known = verifying.get(kid ?? '');
        if (known === undefined) throw new TypeError('unknown key');
        return known;
      };
      const options = { currentDate: new Date(clock.now()), issuer };
      const verified = await jwtVerify(token, key, options).catch(() => undefined);
      return verified?.payload;
    },
    async rotate({ forget = false } = {}) {
      current = await generate(`k${verifying.size + 1}`);
      verifying.set(current.kid, current.publicKey);
      const added = { ...(await exportJWK(current.publicKey)), kid: current.kid, alg: 'ES256', use: 'sig' };
      published = forget ? [added] : [...published, added];
    },
  };
}

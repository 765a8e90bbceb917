// The test issuer of exchange-issuer.ts as one that binds tokens to proven keys (RFC 9449), and what its requests proved.

import { createHash } from 'node:crypto';
import { decodeProtectedHeader, EmbeddedJWK, type JWTPayload, jwtVerify } from 'jose';
import type { Clock } from '../../src/base/ports.ts';
import type { Misbehaviour, Received, TestIssuer } from './exchange-issuer.ts';

/** Binds what is issued to the key that the request carries. */
export function binding(issuer: TestIssuer, changes: Misbehaviour = {}): Misbehaviour {
  return {
    claims: (claims) => ({ ...claims, cnf: { jkt: jktOf(issuer.received.at(-1)) } }),
    answer: (answer) => ({ ...answer, token_type: 'DPoP' }),
    ...changes,
  };
}

/** The proof of a request, its signature verified by the key it carries. */
export async function provenBy({ headers }: Received, clock: Clock): Promise<JWTPayload> {
  const verified = await jwtVerify(String(headers['dpop']), EmbeddedJWK, {
    typ: 'dpop+jwt',
    algorithms: ['ES256', 'ES384', 'EdDSA'],
    currentDate: new Date(clock.now()),
  });
  return verified.payload;
}

/** RFC 7638, of the key in the proof; nothing is verified. */
export function jktOf(received: Received | undefined): string {
  const { jwk } = decodeProtectedHeader(String(received?.headers['dpop']));
  const { crv, kty, x, y } = jwk ?? {};
  return createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
}

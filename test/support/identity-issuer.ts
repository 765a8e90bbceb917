// A small real issuer: ES256 keys, discovery and JWKS over HTTP on loopback, and tokens with any claims and header, valid or
// hostile. What it answers can be replaced path by path; it keeps the paths it was asked for.

import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import { exportJWK, type JWK } from 'jose';
import type { Test } from 'tap';

/** Where time stands still in identity's tests: milliseconds since the epoch. */
export const start = 1_790_000_000_000;
export const startSeconds = start / 1_000;

export type Claims = Record<string, unknown>;
export type Answer = (response: ServerResponse) => void;

export interface TestIssuer {
  /** Issuer identifier, also the base of its documents. */
  readonly url: string;
  readonly jwksUrl: string;
  /** Paths asked for, in order. */
  readonly requests: string[];
  /** A valid token for `postern` of user `alice`, valid for 5 minutes, with these changes; undefined leaves a member out. */
  mint(claims?: Claims, header?: Claims): Promise<string>;
  /** Signs these very texts. */
  mintText(header: string, claims: string): string;
  /** The current public key, as published. */
  publicKey(): Promise<JWK>;
  /** A new key; the old one is withdrawn. */
  rotate(): void;
  /** Replaces what one path answers. */
  answer(path: string, answer: Answer): void;
}

export const jwksPath = '/jwks';
export const discoveryPath = '/.well-known/openid-configuration';

export async function startIssuer(t: Test): Promise<TestIssuer> {
  const requests: string[] = [];
  const answers = new Map<string, Answer>();
  let serial = 0;
  let key = newKey();

  const server = createServer((request, response) => {
    const path = request.url ?? '';
    requests.push(path);
    const answer = answers.get(path);
    if (answer === undefined) response.writeHead(404).end();
    else answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('not listening on a port');
  const url = `http://127.0.0.1:${address.port}`;

  function newKey(): { readonly id: string; readonly privateKey: KeyObject; readonly publicKey: KeyObject } {
    serial += 1;
    return { id: `key-${serial}`, ...generateKeyPairSync('ec', { namedCurve: 'P-256' }) };
  }
  async function publicKey(): Promise<JWK> {
    return { ...(await exportJWK(key.publicKey)), kid: key.id, use: 'sig', alg: 'ES256' };
  }
  function mintText(header: string, claims: string): string {
    const input = `${base64url(header)}.${base64url(claims)}`;
    const signature = sign('sha256', Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
    return `${input}.${signature.toString('base64url')}`;
  }

  answers.set(discoveryPath, (response) => sendJson(response, { issuer: url, jwks_uri: `${url}${jwksPath}` }));
  answers.set(jwksPath, (response) => {
    void publicKey().then((jwk) => sendJson(response, { keys: [jwk] }));
  });
  return {
    url,
    jwksUrl: `${url}${jwksPath}`,
    requests,
    publicKey,
    mintText,
    async mint(claims = {}, header = {}) {
      const times = { iat: startSeconds, exp: startSeconds + 300 };
      return mintText(
        JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: key.id, ...header }),
        JSON.stringify({ iss: url, sub: 'alice', aud: ['postern'], ...times, ...claims }),
      );
    },
    rotate() {
      key = newKey();
    },
    answer(path, answer) {
      answers.set(path, answer);
    },
  };
}

export function sendJson(response: ServerResponse, document: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(document));
}

export function base64url(text: string): string {
  return Buffer.from(text).toString('base64url');
}

// GET /whoami: a small protected resource of the issuer's own. It takes a token issued for the audience `whoami` and answers
// with what that token says and which headers came with it: what an upstream behind the gate really receives.
// Must never answer with the token, nor with the value of any header.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Proofs } from './dpop.ts';
import type { OwnToken, Tokens } from './tokens.ts';

export const whoamiPath = '/whoami';
export const whoamiAudience = 'whoami';

export type WhoamiHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export function createWhoamiHandler(tokens: Tokens, { proverOf }: Pick<Proofs, 'proverOf'>): WhoamiHandler {
  /** A bound token counts with a proof of its key only (RFC 9449 section 7), and an unbound one without. */
  async function readPresented({ method = '', headers }: IncomingMessage): Promise<OwnToken | undefined> {
    const [, scheme = '', text = ''] = /^(Bearer|DPoP) ([\w.~+/-]+=*)$/i.exec(headers.authorization ?? '') ?? [];
    const token = await tokens.read(text);
    if (token === undefined || !token.audiences.includes(whoamiAudience)) return undefined;
    const { cnf } = token.claims;
    if (scheme.toLowerCase() === 'bearer') return cnf === undefined ? token : undefined;
    const { dpop } = headers;
    if (typeof dpop !== 'string') return undefined;
    const thumbprint = await proverOf(dpop, { method, path: whoamiPath, token: text });
    return thumbprint !== undefined && thumbprintOf(cnf) === thumbprint ? token : undefined;
  }

  return async function handle(request, response) {
    request.resume();
    const token = await readPresented(request);
    if (token === undefined) return challenge(response);

    const { sub, aud, act, scope, client_id, txn, cnf } = token.claims;
    const received = {
      token: { sub, aud, act, scope, client_id, txn, cnf, expires_in: token.exp - tokens.now() },
      headers: Object.keys(request.headers).sort(),
    };
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(`${JSON.stringify(received, null, 2)}\n`);
  };
}

function thumbprintOf(cnf: unknown): unknown {
  return typeof cnf === 'object' && cnf !== null && 'jkt' in cnf ? cnf.jkt : undefined;
}

function challenge(response: ServerResponse): void {
  response.writeHead(401, {
    'www-authenticate': 'Bearer error="invalid_token", DPoP error="invalid_token"',
    'content-type': 'application/json',
  });
  response.end('{"error":"invalid_token"}\n');
}

// GET /whoami: a small protected resource of the issuer's own. It takes a token issued for the audience `whoami` and answers
// with what that token says and which headers came with it: what an upstream behind the gate really receives.
// Must never answer with the token, nor with the value of any header.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Tokens } from './tokens.ts';

export const whoamiPath = '/whoami';
export const whoamiAudience = 'whoami';

export type WhoamiHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

export function createWhoamiHandler(tokens: Tokens): WhoamiHandler {
  return async function handle(request, response) {
    request.resume();
    const presented = /^Bearer ([\w.~+/-]+=*)$/i.exec(request.headers.authorization ?? '')?.[1];
    const token = presented === undefined ? undefined : await tokens.read(presented);
    if (token === undefined || !token.audiences.includes(whoamiAudience)) return challenge(response);

    const { sub, aud, act, scope, client_id, txn } = token.claims;
    const received = {
      token: { sub, aud, act, scope, client_id, txn, expires_in: token.exp - tokens.now() },
      headers: Object.keys(request.headers).sort(),
    };
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(`${JSON.stringify(received, null, 2)}\n`);
  };
}

function challenge(response: ServerResponse): void {
  response.writeHead(401, { 'www-authenticate': 'Bearer error="invalid_token"', 'content-type': 'application/json' });
  response.end('{"error":"invalid_token"}\n');
}

// The API of this demonstration: answers only to tokens made for it, and says what it can read in them.
// Runs in the gate's image, for its `jose`.

import { createServer } from 'node:http';
import { createRemoteJWKSet, jwtVerify } from 'jose';

const { ISSUER, AUDIENCE = 'orders-api', PORT = '8090', HOST = '0.0.0.0' } = process.env;
if (ISSUER === undefined) throw new Error('ISSUER is not set');
const keys = createRemoteJWKSet(new URL(`${ISSUER}/protocol/openid-connect/certs`));

const server = createServer(async (request, response) => {
  const answer = (status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify(body, null, 2)}\n`);
  };
  try {
    const [, token = ''] = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '') ?? [];
    const { payload } = await jwtVerify(token, keys, { issuer: ISSUER, audience: AUDIENCE, typ: 'at+jwt' });
    const scopes = String(payload.scope ?? '').split(' ');
    const needed = request.method === 'GET' ? 'orders.read' : 'orders.write';
    if (!scopes.includes(needed)) return answer(403, { error: 'insufficient_scope', needed });
    const { sub, aud, azp, act = 'not in this token', exp, iat } = payload;
    answer(200, {
      orders: [{ id: 42, item: 'bicycle bell' }],
      token: { sub, aud, azp, scope: payload.scope, act, lives: `${exp - iat} s` },
      traceparent: request.headers.traceparent,
    });
  } catch {
    answer(401, { error: 'invalid_token' });
  }
});
server.listen(Number(PORT), HOST, () => {
  process.stdout.write(`orders API on port ${PORT}, audience ${AUDIENCE}\n`);
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));

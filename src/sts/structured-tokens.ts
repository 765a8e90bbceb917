// Introspection (RFC 7662) and revocation (RFC 7009) of this issuer's JWTs. The provider library authenticates the client
// and then declines structured tokens with `unsupported_token_type`; this runs after it (a post-middleware, as its
// documentation describes) and gives the answer instead.
// Must never answer before the library got as far as that refusal, and never say why a token is not active.

import type { Middleware } from 'koa';
import type { RevokedTokens } from './revoked.ts';
import type { OwnToken, Tokens } from './tokens.ts';

export interface StructuredTokensOptions {
  readonly tokens: Tokens;
  readonly revoked: RevokedTokens;
}

interface Answer {
  readonly status: number;
  readonly body: object | string;
}

export function answerForStructuredTokens({ tokens, revoked }: StructuredTokensOptions): Middleware {
  return async (ctx, next) => {
    await next();
    if (!declinedAsStructured(ctx.status, ctx.body)) return;
    const { route, params, client } = ctx['oidc'];
    const token = await tokens.read(String(params.token));
    const answer = route === 'revocation' ? revoke(revoked, token, client.clientId) : introspect(token);
    ctx.status = answer.status;
    ctx.body = answer.body;
    if (answer.status === 503) ctx.set('retry-after', '60');
  };
}

function declinedAsStructured(status: number, body: unknown): boolean {
  const refused = typeof body === 'object' && body !== null && 'error' in body;
  return status === 400 && refused && body.error === 'unsupported_token_type';
}

/** All claims are told: `act`, `may_act`, `scope` and `client_id` are introspection members too (RFC 8693 section 4). */
function introspect(token: OwnToken | undefined): Answer {
  if (token === undefined) return { status: 200, body: { active: false } };
  const tokenType = token.claims['cnf'] === undefined ? 'Bearer' : 'DPoP';
  const body = { ...token.claims, active: true, token_type: tokenType };
  return { status: 200, body };
}

function revoke(revoked: RevokedTokens, token: OwnToken | undefined, clientId: string): Answer {
  // RFC 7009 section 2.2: an invalid token is no error, it already is what the client wants it to be.
  if (token === undefined) return { status: 200, body: '' };
  if (token.clientId !== clientId) {
    const description = 'the token was not issued to this client';
    return { status: 400, body: { error: 'unauthorized_client', error_description: description } };
  }
  if (revoked.add(token.jti, token.exp)) return { status: 200, body: '' };
  return { status: 503, body: { error: 'temporarily_unavailable' } };
}

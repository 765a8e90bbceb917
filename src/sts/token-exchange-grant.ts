// The token-exchange grant of the embedded issuer (RFC 8693): parse, verify both tokens, check, issue.
// Registered with the provider library, which has authenticated the client before this runs.
// Must never log or quote a token; refusals carry the RFC's error codes and a reason without any input in it.

import type Provider from 'oidc-provider';
import type { Log } from '../base/ports.ts';
import type { StsClients } from './clients.ts';
import { authenticatedClient } from './clients.ts';
import { checkExchange, type StsAudiences } from './token-exchange/check.ts';
import { issueExchanged } from './token-exchange/issue.ts';
import {
  parseExchange,
  repeatableParameters,
  tokenExchangeGrantType,
  tokenExchangeParameters,
} from './token-exchange/parse.ts';
import type { Tokens } from './tokens.ts';

export interface TokenExchangeOptions {
  readonly issuer: string;
  readonly tokens: Tokens;
  readonly clients: StsClients;
  readonly audiences: StsAudiences;
  /** Seconds. */
  readonly ttl: number;
  readonly log: Log;
}

export function registerTokenExchange(provider: Provider, options: TokenExchangeOptions): void {
  const { issuer, tokens, clients, audiences, ttl, log } = options;
  provider.registerGrantType(
    tokenExchangeGrantType,
    async (ctx) => {
      const client = authenticatedClient(clients, ctx.oidc.client.clientId);
      const request = parseExchange(ctx.oidc.params);
      const [subject, actor] = await Promise.all([
        tokens.read(request.subjectToken),
        request.actorToken === undefined ? undefined : tokens.read(request.actorToken),
      ]);
      const grant = checkExchange({ request, client, subject, actor, audiences, issuer, now: tokens.now(), ttl });
      ctx.body = await issueExchanged(tokens, client, grant, request.issuedTokenType);
      log.debug({ client: client.id, audience: grant.audience, scopes: grant.scopes }, 'token exchanged');
    },
    tokenExchangeParameters,
    repeatableParameters,
  );
}

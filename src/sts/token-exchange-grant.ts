// The token-exchange grant of the embedded issuer (RFC 8693): parse, verify both tokens, check, issue.
// Registered with the provider library, which has authenticated the client before this runs.
// Must never log or quote a token; refusals carry the RFC's error codes and a reason without any input in it.

import type Provider from 'oidc-provider';
import type { Log } from '../base/ports.ts';
import { authenticatedClient, type StsClients } from './clients.ts';
import type { CheckProof } from './dpop.ts';
import { awsSessionTags } from './token-exchange/aws-tags.ts';
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
  /** Audiences whose tokens carry session tags of AWS. */
  readonly tagged: ReadonlySet<string>;
  /** Seconds. */
  readonly ttl: number;
  readonly checkProof: CheckProof;
  readonly log: Log;
}

export function registerTokenExchange(provider: Provider, options: TokenExchangeOptions): void {
  const { issuer, tokens, clients, audiences, tagged, ttl, checkProof, log } = options;
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
      const tags = tagged.has(grant.audience) ? awsSessionTags(grant) : {};
      const bound = await checkProof(ctx);
      ctx.body = await issueExchanged(tokens, client, { ...grant, tags }, request.issuedTokenType, bound);
      log.debug({ client: client.id, audience: grant.audience, scopes: grant.scopes }, 'token exchanged');
    },
    tokenExchangeParameters,
    repeatableParameters,
  );
}

// The client_credentials grant of the embedded issuer: a workload's token of its own (RFC 6749 section 4.4), signed where
// all its tokens are. An agent gets only the audiences and scopes its client is configured for, so that it cannot get an
// upstream's token past the gate. Must never name anybody but the client itself as the subject.

import type Provider from 'oidc-provider';
import { errors } from 'oidc-provider';
import { authenticatedClient, type StsClient, type StsClients } from './clients.ts';
import type { CheckProof } from './dpop.ts';
import { readParameters } from './grant-parameters.ts';
import { grantScopes } from './oauth-scope.ts';
import type { StsAudiences } from './token-exchange/check.ts';
import { type Tokens, workloadProfile } from './tokens.ts';

export const clientCredentialsGrantType = 'client_credentials';

export interface ClientCredentialsOptions {
  readonly tokens: Tokens;
  readonly clients: StsClients;
  readonly audiences: StsAudiences;
  /** Seconds. */
  readonly ttl: number;
  readonly checkProof: CheckProof;
}

export function registerClientCredentials(provider: Provider, options: ClientCredentialsOptions): void {
  const { tokens, clients, audiences, ttl, checkProof } = options;
  provider.registerGrantType(
    clientCredentialsGrantType,
    async (ctx) => {
      const client = authenticatedClient(clients, ctx.oidc.client.clientId);
      const parameters = readParameters(ctx.oidc.params);
      const aud = audienceOf(client, [...parameters.all('audience'), ...parameters.all('resource')]);
      const known = audiences.get(aud);
      const ceiling = known === undefined ? client.scopes : client.scopes.filter((scope) => known.includes(scope));
      const scope = grantScopes(parameters.one('scope'), ceiling).join(' ');
      const iat = tokens.now();
      const said = scope === '' ? {} : { scope };
      const claims = { sub: client.sub, aud, client_id: client.id, iat, exp: iat + ttl, sub_profile: workloadProfile };
      const bound = await checkProof(ctx);
      const token = await tokens.sign({ ...claims, ...said, ...bound.claims });
      ctx.body = { access_token: token, token_type: bound.tokenType, expires_in: ttl, ...said };
    },
    ['scope', 'audience', 'resource'],
    ['audience', 'resource'],
  );
}

function audienceOf(client: StsClient, requested: readonly string[]): string {
  const [audience, ...others] = new Set(requested);
  if (audience === undefined) return client.audiences[0];
  if (others.length > 0) throw new errors.InvalidTarget('a token is issued for one audience at a time');
  if (client.audiences.includes(audience)) return audience;
  throw new errors.InvalidTarget('this client gets no tokens of its own for that audience');
}

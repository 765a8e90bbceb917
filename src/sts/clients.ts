// The issuer's clients: as the provider library needs them to authenticate requests, and as the grants look them up.
// The one place of the issuer where a client secret is revealed, to be compared by the library.

import { type ClientMetadata, errors } from 'oidc-provider';
import type { StsClientConfig } from './schema.ts';

/** A client as the grants know it. */
export interface StsClient {
  readonly id: string;
  /** Subject of the client's own tokens; its id where none is configured (RFC 9068 section 2.2). */
  readonly sub: string;
  readonly mayExchange: boolean;
  readonly scopes: readonly string[];
  readonly audiences: readonly [string, ...string[]];
}

export type StsClients = ReadonlyMap<string, StsClient>;

export function indexClients(configured: readonly StsClientConfig[]): StsClients {
  return new Map(configured.map((client) => [client.id, stsClient(client)]));
}

function stsClient({ id, sub, may_exchange, scopes, audiences }: StsClientConfig): StsClient {
  const [first = 'postern', ...others] = audiences;
  return { id, sub: sub ?? id, mayExchange: may_exchange, scopes, audiences: [first, ...others] };
}

/** The client a grant runs for. @throws errors.InvalidClientAuth should the library know a client that is not configured. */
export function authenticatedClient(clients: StsClients, id: string): StsClient {
  const client = clients.get(id);
  if (client === undefined) throw new errors.InvalidClientAuth('client not found');
  return client;
}

/**
 * Clients in the provider's own form. All of them may call both grants there: whether a client may exchange is decided in
 * the grant, where the refusal is the RFC's `unauthorized_client` (the library says `invalid_request`).
 */
export function providerClients(
  configured: readonly StsClientConfig[],
  grantTypes: readonly string[],
): ClientMetadata[] {
  return configured.map((client) => ({
    client_id: client.id,
    token_endpoint_auth_method: client.auth,
    ...(client.secret === undefined ? {} : { client_secret: client.secret.reveal() }),
    ...(client.jwks === undefined ? {} : { jwks: { keys: client.jwks.keys } }),
    grant_types: [...grantTypes],
    redirect_uris: [],
    response_types: [],
  }));
}

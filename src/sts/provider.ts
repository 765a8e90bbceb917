// Configures oidc-provider as a token endpoint and nothing more: client authentication, parameter handling, error shapes
// and JWKS are its; every token is made by our grants. No pages, no sessions, no authorization endpoint, no defaults that
// the library warns about. Loaded only when an embedded issuer starts, since the library takes a while to import.

import Provider, { type Configuration, errors, type KoaContextWithOIDC } from 'oidc-provider';
import type { Clock, Log } from '../base/ports.ts';
import { createAssertionStore } from './assertion-store.ts';
import { clientCredentialsGrantType, registerClientCredentials } from './client-credentials-grant.ts';
import { indexClients, providerClients } from './clients.ts';
import type { CheckProof } from './dpop.ts';
import { describeIssuer, paths } from './metadata.ts';
import type { RevokedTokens } from './revoked.ts';
import type { EmbeddedIssuerConfig } from './schema.ts';
import type { SigningKey } from './signing-key.ts';
import { answerForStructuredTokens } from './structured-tokens.ts';
import { tokenExchangeGrantType } from './token-exchange/parse.ts';
import { registerTokenExchange } from './token-exchange-grant.ts';
import type { Tokens } from './tokens.ts';

/** Furthest expiry of a client assertion, in seconds from now: it is remembered that long, so it must end soon. */
const maxAssertionLifetime = 3_600;

const grantTypes = [clientCredentialsGrantType, tokenExchangeGrantType];

export interface ProviderOptions {
  readonly issuer: string;
  readonly config: EmbeddedIssuerConfig;
  readonly key: SigningKey;
  readonly tokens: Tokens;
  readonly revoked: RevokedTokens;
  readonly checkProof: CheckProof;
  readonly clock: Clock;
  readonly log: Log;
}

export function createProvider({
  issuer,
  config,
  key,
  tokens,
  revoked,
  checkProof,
  clock,
  log,
}: ProviderOptions): Provider {
  const provider = new Provider(issuer, {
    ...onlyTokens,
    adapter: createAssertionStore(clock),
    jwks: { keys: [key.privateJwk] },
    clients: providerClients(config.clients, grantTypes),
    clientDefaults: { id_token_signed_response_alg: key.alg, grant_types: grantTypes, response_types: [] },
    assertJwtClientAuthClaimsAndHeader: (_ctx, claims) => {
      expectOurAssertion(claims, issuer, tokens.now());
    },
  });

  const clients = indexClients(config.clients);
  const audiences = new Map(config.audiences.map(({ id, scopes }) => [id, scopes]));
  const tagged = new Set(config.audiences.filter((one) => one.aws_session_tags).map(({ id }) => id));
  const ttl = Math.floor(config.token_ttl / 1_000);
  registerClientCredentials(provider, { tokens, clients, audiences, ttl, checkProof });
  registerTokenExchange(provider, { issuer, tokens, clients, audiences, tagged, ttl, checkProof, log });

  const metadata = describeIssuer(issuer, grantTypes, config);
  provider.use(answerForStructuredTokens({ tokens, revoked }));
  provider.use(async (ctx, next) => {
    await next();
    if (ctx['oidc']?.route === 'discovery') ctx.body = metadata;
  });
  // The library's web framework prints errors to the console unless told not to.
  provider.silent = true;
  provider.on('server_error', (_ctx: KoaContextWithOIDC, failure: Error) => {
    log.error({ failure: failure.name }, 'embedded issuer failed on a request');
  });
  return provider;
}

/**
 * RFC 7523 as its successor tightens it: the issuer (or, as older clients write, its token endpoint) is the only audience.
 * The library would also take an audience built from the request's Host header, and a list with others in it: an assertion
 * made for another server could be used here.
 */
function expectOurAssertion(claims: Readonly<Record<string, unknown>>, issuer: string, now: number): void {
  const { aud, exp } = claims;
  const audience: unknown = Array.isArray(aud) && aud.length === 1 ? aud[0] : aud;
  if (audience !== issuer && audience !== `${issuer}${paths.token}`) {
    throw new errors.InvalidClientAuth('the assertion is not addressed to this issuer alone');
  }
  if (typeof exp !== 'number' || exp > now + maxAssertionLifetime) {
    throw new errors.InvalidClientAuth('the assertion lives too long');
  }
}

const off = { enabled: false };

/** What the token endpoint needs, and everything else off. */
const onlyTokens = {
  routes: {
    token: paths.token,
    introspection: paths.introspection,
    revocation: paths.revocation,
    jwks: paths.jwks,
  },
  responseTypes: [],
  scopes: [],
  clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
  clientBasedCORS: () => false,
  renderError: (ctx, out) => {
    ctx.type = 'json';
    ctx.body = out;
  },
  features: {
    claimsParameter: off,
    clientCredentials: off,
    devInteractions: off,
    dPoP: off, // the library's; see dpop.ts
    pushedAuthorizationRequests: off,
    requestObjects: off,
    resourceIndicators: off,
    rpInitiatedLogout: off,
    userinfo: off,
    // Both are reached by every configured client; the library knows no opaque token, so these are never asked.
    introspection: { enabled: true, allowedPolicy: () => false },
    revocation: { enabled: true, allowedPolicy: () => false },
  },
} satisfies Configuration;

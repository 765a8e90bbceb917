// The issuer's metadata document (RFC 8414): says only what is really there. The provider library's own names an
// authorization endpoint, and builds its URLs from the request's Host header, which whoever asks can choose.

import type { EmbeddedIssuerConfig } from './schema.ts';

export const paths = {
  token: '/token',
  introspection: '/token/introspection',
  revocation: '/token/revocation',
  jwks: '/jwks',
  oauthMetadata: '/.well-known/oauth-authorization-server',
  openidMetadata: '/.well-known/openid-configuration',
} as const;

const authMethods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'];

/** Of proofs of possession: asymmetric ones only (RFC 9449 section 4.3, number 5). */
export const dpopAlgorithms = ['ES256', 'ES384', 'PS256', 'EdDSA', 'Ed25519'];

const assertionAlgorithms = ['ES256', 'PS256', 'RS256', 'EdDSA', 'Ed25519'];

export function describeIssuer(issuer: string, grantTypes: readonly string[], config: EmbeddedIssuerConfig): object {
  const scopes = new Set([...config.audiences, ...config.clients].flatMap((entry) => entry.scopes ?? []));
  const endpoint = (name: string) => ({
    [`${name}_endpoint_auth_methods_supported`]: authMethods,
    [`${name}_endpoint_auth_signing_alg_values_supported`]: assertionAlgorithms,
  });
  return {
    issuer,
    token_endpoint: `${issuer}${paths.token}`,
    jwks_uri: `${issuer}${paths.jwks}`,
    introspection_endpoint: `${issuer}${paths.introspection}`,
    revocation_endpoint: `${issuer}${paths.revocation}`,
    grant_types_supported: grantTypes,
    response_types_supported: [],
    dpop_signing_alg_values_supported: dpopAlgorithms,
    scopes_supported: [...scopes].sort(),
    ...endpoint('token'),
    ...endpoint('introspection'),
    ...endpoint('revocation'),
  };
}

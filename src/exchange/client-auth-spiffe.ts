// Client authentication with identities of the SPIFFE Workload API (draft-ietf-oauth-spiffe-client-auth-02): a JWT-SVID as
// assertion, or an X.509-SVID in the TLS handshake. Neither needs anything that was distributed beforehand.
// Must never show a JWT-SVID whose audience is more than this one issuer: it would be of use at another.

import type { Report } from '../base/problem.ts';
import type { JwtSvid, ReadJwtSvid } from '../base/spiffe/jwt-svids.ts';
import type { OpenWorkloadApi } from '../base/spiffe/workload-api.ts';
import type { ClientProof } from './client-auth.ts';
import type { ClientOptions } from './client-auth-schema.ts';
import { refuseWorkload } from './workload.ts';

/** RFC 7521 section 4.2; what follows says of which kind the assertion is. */
export const assertionType = 'urn:ietf:params:oauth:client-assertion-type:';

interface SpiffePorts {
  readonly workload: OpenWorkloadApi;
  readonly report: Report;
}

/** `aud` has the issuer identifier "as its sole value"; the token endpoint would be another audience. */
export function spiffeJwt(client: Extract<ClientOptions, { auth: 'spiffe_jwt' }>, ports: SpiffePorts): ClientProof {
  const api = ports.workload(client.socket, ports.report);
  if (api === undefined) return { authenticate: () => {} }; // reported: the configuration does not load
  const { jwtSvid } = api;
  let asked: { readonly audience: string; readonly read: ReadJwtSvid } | undefined;

  function svidFor(audience: string): Promise<JwtSvid> {
    if (asked?.audience !== audience) {
      asked = { audience, read: jwtSvid({ audience, spiffeId: client.spiffe_id }) };
    }
    return asked.read().catch(refuse);
  }

  return {
    prepare: svidFor,
    async authenticate({ issuer }, _client, body) {
      const { token } = await svidFor(issuer);
      if (client.id !== undefined) body.set('client_id', client.id);
      body.set('client_assertion_type', `${assertionType}jwt-spiffe`);
      body.set('client_assertion', token.reveal());
    },
  };
}

/** The issuer is verified by the authorities of the web: the bundle of the trust domain is for workloads. */
export function spiffeX509(client: Extract<ClientOptions, { auth: 'spiffe_x509' }>, ports: SpiffePorts): ClientProof {
  const api = ports.workload(client.socket, ports.report);
  if (api === undefined) return { authenticate: () => {} }; // reported: the configuration does not load
  const current = () => api.x509Svid(client.spiffe_id).catch(refuse);
  return {
    certificate: { current },
    prepare: current,
    async authenticate(_as, _client, body) {
      body.set('client_id', client.id ?? (await current()).spiffeId);
    },
  };
}

function refuse(failure: unknown): never {
  return refuseWorkload(failure, 'client authentication');
}

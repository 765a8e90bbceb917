// Two legs by ID-JAG: the identity provider's grant, redeemed at the authorization server of another domain that takes
// nothing else. A test takes this valid world and changes one thing.

import type { Test } from 'tap';
import { chainClient, startAuthorizationServer } from './exchange-vendors/authorization-server.ts';
import { corp, startWorld } from './exchange-world.ts';

export const mcp = 'https://mcp.partner.example';
export const idJag = 'urn:ietf:params:oauth:token-type:id-jag';

export async function startIdJag(t: Test) {
  const world = await startWorld(t);
  const { issuer, clock } = world;
  const trust = { issuer: issuer.url, jwksUri: issuer.jwksUri };
  const server = await startAuthorizationServer({ clock, trust, idJagOnly: true, idJagFor: issuer.client.id });
  t.teardown(() => server.close());
  const client = { auth: 'client_secret_basic', ...chainClient };
  const gate = (step: object = {}) =>
    world.gate({
      exchanges: {
        idp: corp(issuer, { subject_token_type: 'id_token' }),
        partner: { grant: 'jwt_bearer', issuer: server.issuer, client },
        both: {
          grant: 'chain',
          steps: [{ exchange: 'idp', requested_token_type: 'id-jag', resource: mcp, ...step }, { exchange: 'partner' }],
        },
      },
      routes: [{ exchange: 'both', audience: undefined, resource: [mcp] }],
    });
  return { world, server, gate };
}

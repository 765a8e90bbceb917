// Entra workload identity federation: client credentials, the client being proved by a JWT of another issuer (a federated
// identity credential of the application). POST {authority}/{tenant}/oauth2/v2.0/token, form: grant_type=client_credentials,
// client_id, scope, client_assertion_type, client_assertion (MSAL; learn.microsoft.com, "Get a token with a federated
// identity credential"). The credential's audience is api://AzureADTokenExchange; iss, sub and aud must match it exactly
// (AADSTS700211, 700212, 700213: invalid_client). The token is the application's: who acts for whom stays in our records.

import * as z from 'zod';
import { entraPlace, entraScope, entraShape } from '../entra-schema.ts';
import { createFederation, vendorId } from '../federation.ts';
import type { Grant, GrantPorts, RouteAsk } from '../grant.ts';
import { subjectShape } from '../issuer-schema.ts';
import { requestShape } from '../request-schema.ts';
import type { ReasonOfCode } from '../token-error.ts';

export const type = 'entra_workload';
export const asks: readonly RouteAsk[] = ['scopes'];

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

export const schema = z.strictObject({
  grant: z
    .literal(type)
    .describe(
      'Entra workload identity federation: an application (Azure OpenAI, Foundry) proved by a federated token.',
    ),
  ...entraShape,
  client_id: vendorId.describe('Application (client) ID that the calls are made as.'),
  audience: requestShape.audience
    .default('api://AzureADTokenExchange')
    .describe('Audience of the federated credential: what a chain asks for in the step before.'),
  ...subjectShape,
});

export type Options = z.output<typeof schema>;

/** The assertion is the subject here: what Entra calls a bad client is a bad subject token. */
const reasons: ReasonOfCode = new Map([['invalid_client', 'subject_token_rejected']]);

export function create(options: Options, ports: GrantPorts): Grant {
  const { client_id } = options;
  const { issuer, tokenEndpoint } = entraPlace(options, ports);
  return createFederation(
    {
      type,
      issuer,
      clientId: client_id,
      encoding: 'form',
      inputs: (hop) => [
        ['grant_type', 'client_credentials'],
        ['client_id', client_id],
        ['scope', entraScope(hop, options)],
        ['client_assertion_type', assertionType],
        ['client_assertion', hop.subject.token],
      ],
      subjectAudience: options.audience,
      reasons,
    },
    { ...options, token_endpoint: tokenEndpoint },
    ports,
  );
}

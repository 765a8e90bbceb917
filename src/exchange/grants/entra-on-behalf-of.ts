// Entra On-Behalf-Of: the user's access token for this gate's application, for one for another API, the user kept. Form:
// grant_type=...:jwt-bearer, assertion, requested_token_use=on_behalf_of, scope, client authentication (learn.microsoft.com,
// "OAuth 2.0 On-Behalf-Of flow"; MSAL). A user only: app-only tokens are refused (AADSTS7000114), here before asking.
// Conditional access answers invalid_grant with `claims` (AADSTS50076, MSAL.js#5491): the client gets them as a challenge.
// `sub` is pairwise for each application and there is no `act`, so nothing in the token is compared.

import * as z from 'zod';
import { Refusal } from '../../base/errors.ts';
import { entraPlace, entraScope, entraShape } from '../entra-schema.ts';
import type { Grant, GrantPorts, Hop, Input, RouteAsk } from '../grant.ts';
import { jwtBearerGrant } from '../grant-type.ts';
import { createIssuer } from '../issuer.ts';
import { issuerShape } from '../issuer-schema.ts';
import type { ReasonOfCode } from '../token-error.ts';

export const type = 'entra_on_behalf_of';
export const asks: readonly RouteAsk[] = ['scopes'];

export const schema = z.strictObject({
  grant: z.literal(type).describe('Entra On-Behalf-Of: for APIs of Microsoft in the name of the user.'),
  ...entraShape,
  client: issuerShape.client.describe(
    "How this gate proves to be the application that the user's token is for; Entra takes secrets, keys with their certificate, and federated assertions.",
  ),
});

export type Options = z.output<typeof schema>;

const reasons: ReasonOfCode = new Map([
  ['7000114', 'subject_app_only'], // "not allowed to make application on-behalf-of calls"
  ['50013', 'subject_token_rejected'], // signature or audience of the assertion
  ['500131', 'subject_token_rejected'],
  ['500133', 'subject_token_rejected'], // the assertion is outside its time
]);

export function create(options: Options, ports: GrantPorts): Grant {
  const { issuer, tokenEndpoint } = entraPlace(options, ports);
  const entra = createIssuer(
    {
      issuer,
      token_endpoint: tokenEndpoint,
      client: entraClient(options.client, tokenEndpoint, ports),
      timeout: options.timeout,
      insecure_http: false,
    },
    ports,
    reasons,
  );

  function plan(hop: Hop): readonly Input[] {
    refuseAppOnly(hop);
    return [
      ['grant_type', jwtBearerGrant],
      ['assertion', hop.subject.token],
      ['requested_token_use', 'on_behalf_of'],
      ['scope', entraScope(hop, options)],
    ];
  }

  return {
    type,
    kind: 'exchanged',
    issuer,
    endpoint: tokenEndpoint,
    clientId: options.client.id,
    verifies: false,
    subjectAudience: options.client.id,
    bearerOnly: true,
    plan,
    obtain: (hop, { traceparent }) => entra.ask(plan(hop), { traceparent, subject: hop.subject }),
    prepare: async () => {},
  };
}

/**
 * Entra finds a key by its certificate, and wants its own token endpoint as audience of the assertion (learn.microsoft.com,
 * "certificate credentials").
 */
function entraClient(client: Options['client'], endpoint: string, { report }: GrantPorts): Options['client'] {
  if (client.auth !== 'private_key_jwt') return client;
  if (client.certificate === undefined) {
    report({ path: ['client'], what: 'has a key without its certificate', mend: 'add `certificate`' });
  }
  return { ...client, assertion_audience: client.assertion_audience ?? endpoint };
}

/**
 * A workload's own token, or one that says so: `idtyp` is `app`, or its object and subject are the same without `scp`
 * (learn.microsoft.com, "Access token claims reference"). microsoft/mcp#2192: machine identity is another exchange.
 */
function refuseAppOnly({ subject: { principal } }: Hop): void {
  if (principal === undefined) return; // not verified here; Entra says so itself
  const { kind, claims } = principal;
  const { idtyp, oid, sub, scp } = claims;
  const isApp = idtyp === 'app' || (oid !== undefined && oid === sub && scp === undefined);
  if (kind !== 'workload' && !isApp) return;
  throw new Refusal('subject_app_only', { detail: 'Entra acts on behalf of users; the token is of an application' });
}

// Databricks OAuth token federation: an RFC 8693 form, subject only, for a token of the mapped user (account-wide policy) or
// of one service principal (`client_id`). docs.databricks.com, "Authenticate with an identity provider token": endpoint
// https://<workspace>/oidc/v1/token or https://accounts.../oidc/accounts/<account>/v1/token, RS256 or ES256, and the life of
// the token follows that of the subject token.

import * as z from 'zod';
import { httpUrl } from '../../base/scalars.ts';
import { createFederation, vendorId } from '../federation.ts';
import type { Grant, GrantPorts, Input, RouteAsk } from '../grant.ts';
import { tokenExchangeGrant } from '../grant-type.ts';
import { subjectShape, timeoutShape } from '../issuer-schema.ts';
import { requestShape } from '../request-schema.ts';
import { jwtType } from '../token-type.ts';

export const type = 'databricks';
export const asks: readonly RouteAsk[] = ['scopes'];

/** Asked for where the route names no scope: what every example of the vendor asks for. */
const allApis = 'all-apis';

export const schema = z.strictObject({
  grant: z
    .literal(type)
    .describe('Databricks OAuth token federation; asks for `all-apis` where the route names no scope.'),
  token_endpoint: httpUrl.describe("The workspace's or account's token endpoint: `https://<workspace>/oidc/v1/token`."),
  client_id: vendorId
    .optional()
    .describe('The service principal the calls are made as; without it the user the subject is mapped to.'),
  audience: requestShape.audience
    .optional()
    .describe('Audience the federation policy wants in the subject token: what a chain asks for in the step before.'),
  ...subjectShape,
  ...timeoutShape,
});

export type Options = z.output<typeof schema>;

export function create(options: Options, ports: GrantPorts): Grant {
  const { client_id } = options;
  const client: readonly Input[] = client_id === undefined ? [] : [['client_id', client_id]];

  return createFederation(
    {
      type,
      clientId: client_id,
      encoding: 'form',
      inputs: ({ subject, scopes }) => [
        ['grant_type', tokenExchangeGrant],
        ['subject_token', subject.token],
        ['subject_token_type', jwtType],
        ['scope', scopes.length === 0 ? allApis : scopes.join(' ')],
        ...client,
      ],
      audience: new URL(options.token_endpoint).origin,
      subjectAudience: options.audience,
    },
    options,
    ports,
  );
}

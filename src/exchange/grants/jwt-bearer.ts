// RFC 7523 section 2.1: a JWT as authorization grant, for an access token of the authorization server it is addressed to.
// The second leg of identity chaining (draft-ietf-oauth-identity-chaining) and of an ID-JAG; alone, for a server that takes
// the call's own token. The assertion is redeemed once, and whoever acts stands in it: there is no actor token here.

import * as z from 'zod';
import { dpopShape } from '../dpop.ts';
import type { Grant, GrantPorts, Hop, Input, RouteAsk } from '../grant.ts';
import { jwtBearerGrant } from '../grant-type.ts';
import { createIssuer } from '../issuer.ts';
import { introspectShape, issuerShape, messageShape, parametersShape, subjectShape } from '../issuer-schema.ts';
import { sourceOf } from '../sources/compile.ts';
import { targetInputs } from '../target-inputs.ts';

export const type = 'jwt_bearer';
export const asks: readonly RouteAsk[] = ['audience', 'resource', 'scopes'];

export const schema = z.strictObject({
  grant: z.literal(type).describe('A JWT as authorization grant (RFC 7523).'),
  ...issuerShape,
  client: issuerShape.client
    .optional()
    .describe('How this gate authenticates itself to the issuer; not at all where it asks for the assertion alone.'),
  ...subjectShape,
  ...messageShape,
  ...parametersShape,
  ...introspectShape,
  ...dpopShape,
});

export type Options = z.output<typeof schema>;

export function create(options: Options, ports: GrantPorts): Grant {
  const issuer = createIssuer(options, ports);
  const source = sourceOf(options.subject_source, ports);
  const further: readonly Input[] = Object.entries(options.parameters);

  function plan(hop: Hop): readonly Input[] {
    return [['grant_type', jwtBearerGrant], ['assertion', hop.subject.token], ...targetInputs(hop), ...further];
  }

  return {
    type,
    kind: source === undefined ? 'exchanged' : 'client_credentials',
    issuer: options.issuer,
    endpoint: issuer.endpoint,
    clientId: issuer.clientId,
    verifies: true,
    dpop: options.dpop !== undefined,
    subjectAudience: options.issuer,
    spendsSubject: true,
    source,
    plan,
    obtain: (hop, occasion) => issuer.ask(plan(hop), { ...occasion, subject: hop.subject }),
    introspect: issuer.introspect,
    prepare: issuer.prepare,
  };
}

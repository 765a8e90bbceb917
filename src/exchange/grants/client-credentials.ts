// RFC 6749 section 4.4: the gate's own identity, for upstreams that know no users. The same credential for every caller
// of the route, so who called is told by the audit record alone. Somebody chose it for the route; it is never a fallback.

import * as z from 'zod';
import { dpopShape } from '../dpop.ts';
import type { Grant, GrantPorts, Hop, Input, RouteAsk } from '../grant.ts';
import { createIssuer } from '../issuer.ts';
import { issuerShape } from '../issuer-schema.ts';
import { targetInputs } from '../target-inputs.ts';

export const type = 'client_credentials';
export const asks: readonly RouteAsk[] = ['audience', 'resource', 'scopes'];

export const schema = z.strictObject({
  grant: z.literal(type).describe("The gate's own identity at an OAuth issuer (RFC 6749 section 4.4)."),
  ...issuerShape,
  ...dpopShape,
});

export type Options = z.output<typeof schema>;

export function create(options: Options, ports: GrantPorts): Grant {
  const issuer = createIssuer(options, ports);

  function plan(hop: Hop): readonly Input[] {
    return [['grant_type', type], ...targetInputs(hop)];
  }

  return {
    type,
    kind: 'client_credentials',
    issuer: options.issuer,
    endpoint: issuer.endpoint,
    clientId: issuer.clientId,
    verifies: true,
    dpop: options.dpop !== undefined,
    plan,
    obtain: (hop, occasion) => issuer.ask(plan(hop), occasion),
    prepare: issuer.prepare,
  };
}

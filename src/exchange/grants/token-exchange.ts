// RFC 8693 token exchange: the subject's token, and the caller's as actor, for one token of this hop.
// No configuration may replace a parameter that says who asks for whom, or what for.

import * as z from 'zod';
import { dpopShape } from '../dpop.ts';
import type { Grant, GrantPorts, Hop, Input, RouteAsk } from '../grant.ts';
import { tokenExchangeGrant } from '../grant-type.ts';
import { createIssuer } from '../issuer.ts';
import { introspectShape, issuerShape, messageShape, parametersShape, subjectShape } from '../issuer-schema.ts';
import { sourceOf } from '../sources/compile.ts';
import { targetInputs } from '../target-inputs.ts';
import { tokenType } from '../token-type.ts';

export const type = 'token_exchange';
export const asks: readonly RouteAsk[] = ['audience', 'resource', 'scopes'];

export const schema = z.strictObject({
  grant: z.literal(type).describe('RFC 8693 token exchange.'),
  ...issuerShape,
  ...subjectShape,
  actor_token: z
    .enum(['send', 'omit'])
    .default('send')
    .describe('Whether the token of the caller is sent as actor token; `omit` for issuers that refuse one.'),
  subject_token_type: tokenType.prefault('access_token').describe('Type stated for the token of the subject.'),
  actor_token_type: tokenType.prefault('access_token').describe('Type stated for the token of the caller.'),
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
    const inputs: Input[] = [
      ['grant_type', tokenExchangeGrant],
      ['subject_token', hop.subject.token],
      ['subject_token_type', options.subject_token_type],
    ];
    if (hop.actor !== undefined && options.actor_token === 'send') {
      inputs.push(['actor_token', hop.actor.token], ['actor_token_type', options.actor_token_type]);
    }
    return [...inputs, ...targetInputs(hop), ['requested_token_type', hop.requestedTokenType], ...further];
  }

  return {
    type,
    kind: source === undefined ? 'exchanged' : 'client_credentials',
    issuer: options.issuer,
    endpoint: issuer.endpoint,
    clientId: issuer.clientId,
    verifies: true,
    dpop: options.dpop !== undefined,
    source,
    plan,
    obtain: (hop, occasion) => issuer.ask(plan(hop), { ...occasion, subject: hop.subject }),
    introspect: issuer.introspect,
    prepare: issuer.prepare,
  };
}

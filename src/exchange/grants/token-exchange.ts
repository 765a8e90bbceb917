// RFC 8693 token exchange: the subject's token, and the caller's as actor, for one token of this hop.
// No configuration may replace a parameter that says who asks for whom, or what for.

import { z } from 'zod';
import type { Grant, GrantPorts, Hop, Input } from '../grant.ts';
import { createIssuer } from '../issuer.ts';
import { issuerShape } from '../issuer-schema.ts';
import { tokenType } from '../token-type.ts';

export const type = 'token_exchange';

const grantType = 'urn:ietf:params:oauth:grant-type:token-exchange';

/** What only this grant and client authentication may say. */
const reservedParameters = new Set([
  'grant_type',
  'subject_token',
  'subject_token_type',
  'actor_token',
  'actor_token_type',
  'requested_token_type',
  'audience',
  'resource',
  'scope',
  'assertion',
  'client_id',
  'client_secret',
  'client_assertion',
  'client_assertion_type',
]);

const parameterName = z
  .string()
  .regex(/^[A-Za-z0-9_.:-]{1,64}$/, 'is not a parameter name')
  .refine((name) => !reservedParameters.has(name), 'is set by the gate itself and cannot be given here');

export const schema = z.strictObject({
  grant: z.literal(type).describe('RFC 8693 token exchange.'),
  ...issuerShape,
  actor_token: z
    .enum(['send', 'omit'])
    .default('send')
    .describe('Whether the token of the caller is sent as actor token; `omit` for issuers that refuse one.'),
  subject_token_type: tokenType.prefault('access_token').describe('Type stated for the token of the subject.'),
  actor_token_type: tokenType.prefault('access_token').describe('Type stated for the token of the caller.'),
  parameters: z
    .record(parameterName, z.string().max(2_048))
    .default({})
    .describe('Further parameters the issuer wants, sent with every exchange.'),
});

export type Options = z.output<typeof schema>;

export function create(options: Options, ports: GrantPorts): Grant {
  const issuer = createIssuer(options, ports);
  const further: readonly Input[] = Object.entries(options.parameters);

  function plan(hop: Hop): readonly Input[] {
    const inputs: Input[] = [
      ['grant_type', grantType],
      ['subject_token', hop.subject.token],
      ['subject_token_type', options.subject_token_type],
    ];
    if (hop.actor !== undefined && options.actor_token === 'send') {
      inputs.push(['actor_token', hop.actor.token], ['actor_token_type', options.actor_token_type]);
    }
    if (hop.audience !== undefined) inputs.push(['audience', hop.audience]);
    for (const resource of hop.resources) inputs.push(['resource', resource]);
    if (hop.scopes.length > 0) inputs.push(['scope', hop.scopes.join(' ')]);
    inputs.push(['requested_token_type', hop.requestedTokenType], ...further);
    return inputs;
  }

  return {
    type,
    kind: 'exchanged',
    issuer: options.issuer,
    endpoint: issuer.endpoint,
    clientId: options.client.id,
    verifies: true,
    plan,
    obtain: (hop, { traceparent }) => issuer.ask(plan(hop), traceparent),
    prepare: issuer.prepare,
  };
}

// OpenAI workload identity federation: RFC 8693 names in JSON, subject only, for a token of one service account.
// Exactly the members the SDK sends (openai 7.57.0, src/auth/workload-identity-auth.ts): "fields the mode does not accept"
// are refused, and `scope` grants nothing (developers.openai.com, "Workload identity token exchange"). The vendor's token
// never outlives the subject token. The subject token needs `kid` and iss, aud, sub, exp, iat.

import * as z from 'zod';
import { createFederation, federationShape, vendorId } from '../federation.ts';
import type { Grant, GrantPorts, Input, RouteAsk } from '../grant.ts';
import { tokenExchangeGrant } from '../grant-type.ts';
import type { ReasonOfCode } from '../token-error.ts';
import { idTokenType, jwtType } from '../token-type.ts';

export const type = 'openai';
export const asks: readonly RouteAsk[] = [];

export const schema = z.strictObject({
  grant: z.literal(type).describe('OpenAI workload identity federation.'),
  identity_provider_id: vendorId.describe('The workload identity provider that trusts the issuer.'),
  service_account_id: vendorId.describe('The service account the calls are made as.'),
  client_id: vendorId.optional().describe('OAuth client identifier, where OpenAI gave one.'),
  subject_token_type: z.enum(['jwt', 'id_token']).default('jwt').describe('Type stated for the subject token.'),
  ...federationShape('https://auth.openai.com/oauth/token'),
});

export type Options = z.output<typeof schema>;

/** `token_exchange_server_error` is of the SDK's list (src/internal/auth/x509-token-exchange.ts); the vendor's own fault. */
const reasons: ReasonOfCode = new Map([['token_exchange_server_error', 'issuer_failed']]);

export function create(options: Options, ports: GrantPorts): Grant {
  const target: Input[] = [
    ['identity_provider_id', options.identity_provider_id],
    ['service_account_id', options.service_account_id],
  ];
  if (options.client_id !== undefined) target.push(['client_id', options.client_id]);
  const subjectType = options.subject_token_type === 'jwt' ? jwtType : idTokenType;

  return createFederation(
    {
      type,
      clientId: options.client_id,
      encoding: 'json',
      inputs: ({ subject }) => [
        ['grant_type', tokenExchangeGrant],
        ['subject_token', subject.token],
        ['subject_token_type', subjectType],
        ...target,
      ],
      audience: 'https://api.openai.com/v1',
      subjectAudience: 'https://api.openai.com/v1', // the SDK's default for providers that ask
      reasons,
    },
    options,
    ports,
  );
}

// OpenRouter workload identity federation: an RFC 8693 form, subject only, for a token that acts as one API key.
// openrouter.ai/docs "Workload Identity Federation": the token lives 15 minutes at most and never longer than the subject
// token; `federation_policy_id` names policy and organization; the subject is capped at 16 KB and signed ES256 or RS256.

import * as z from 'zod';
import { createFederation, federationShape, vendorId } from '../federation.ts';
import type { Grant, GrantPorts, RouteAsk } from '../grant.ts';
import { tokenExchangeGrant } from '../grant-type.ts';
import { jwtType } from '../token-type.ts';

export const type = 'openrouter';
export const asks: readonly RouteAsk[] = [];

export const schema = z.strictObject({
  grant: z.literal(type).describe('OpenRouter workload identity federation.'),
  federation_policy_id: vendorId.describe('The federation policy that admits the subject token.'),
  ...federationShape('https://openrouter.ai/api/v1/oauth/token'),
});

export type Options = z.output<typeof schema>;

export function create(options: Options, ports: GrantPorts): Grant {
  return createFederation(
    {
      type,
      encoding: 'form',
      inputs: ({ subject }) => [
        ['grant_type', tokenExchangeGrant],
        ['subject_token', subject.token],
        ['subject_token_type', jwtType],
        ['federation_policy_id', options.federation_policy_id],
      ],
      audience: 'https://openrouter.ai/api/v1',
      subjectAudience: 'https://openrouter.ai/api/v1',
    },
    options,
    ports,
  );
}

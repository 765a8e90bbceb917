// Hugging Face trusted publishers: RFC 8693 names in JSON, an ID token as subject, for a token of one hour for one user or
// repository. As huggingface_hub does (src/huggingface_hub/_oidc.py); the audience of the subject token is fixed, and a
// failure of any kind is 400 invalid_grant (huggingface.co/docs/hub/trusted-publishers).

import * as z from 'zod';
import { createFederation, federationShape, vendorId } from '../federation.ts';
import type { Grant, GrantPorts, RouteAsk } from '../grant.ts';
import { tokenExchangeGrant } from '../grant-type.ts';
import { idTokenType } from '../token-type.ts';

export const type = 'huggingface';
export const asks: readonly RouteAsk[] = [];

const hub = 'https://huggingface.co';

export const schema = z.strictObject({
  grant: z.literal(type).describe('Hugging Face trusted publishers, for inference providers and gated models.'),
  resource: vendorId.describe('A user name (CI/CD identity), or a repository such as `datasets/acme/papers`.'),
  ...federationShape(`${hub}/oauth/token`),
});

export type Options = z.output<typeof schema>;

export function create(options: Options, ports: GrantPorts): Grant {
  return createFederation(
    {
      type,
      encoding: 'json',
      inputs: ({ subject }) => [
        ['grant_type', tokenExchangeGrant],
        ['subject_token_type', idTokenType],
        ['subject_token', subject.token],
        ['resource', options.resource],
      ],
      audience: hub,
      subjectAudience: hub,
    },
    options,
    ports,
  );
}

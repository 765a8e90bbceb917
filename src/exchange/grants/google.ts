// Google workload identity federation: an RFC 8693 form to the Security Token Service, then, where a service account is
// named, its token instead of the federated one (../google-impersonation.ts, one more leg).
// google-auth-library 10.9.1, build/src/auth/{stscredentials,baseexternalclient}.js; the published ExchangeTokenRequest
// (sts v1) has no actor token. Impersonation needs cloud-platform in the federated token whatever is asked for in the end.

import * as z from 'zod';
import { duration, httpUrl } from '../../base/scalars.ts';
import { createFederation, federationShape } from '../federation.ts';
import { cloudPlatform, createImpersonation, longestLifetime } from '../google-impersonation.ts';
import type { Grant, GrantPorts, Input, RouteAsk } from '../grant.ts';
import { tokenExchangeGrant } from '../grant-type.ts';
import { accessTokenType, idTokenType, jwtType } from '../token-type.ts';

export const type = 'google';
export const asks: readonly RouteAsk[] = ['scopes'];

const serviceAccount = z
  .string()
  .regex(/^[a-z0-9][a-z0-9.-]{0,127}@[a-z0-9.-]{1,126}$/, 'is not the e-mail address of a service account');

export const schema = z.strictObject({
  grant: z
    .literal(type)
    .describe('Google workload identity federation; asks for `cloud-platform` where the route names no scope.'),
  audience: z
    .string()
    .regex(/^\/\/iam\.[a-z0-9.-]+\/[A-Za-z0-9/._-]{1,400}$/, 'is not the name of a provider (//iam.googleapis.com/...)')
    .describe('Full resource name of the pool provider: `//iam.googleapis.com/projects/.../providers/...`.'),
  subject_token_type: z.enum(['jwt', 'id_token']).default('jwt').describe('Type stated for the subject token.'),
  user_project: z
    .string()
    .regex(/^[a-z0-9-]{1,64}$/, 'is not a project')
    .optional()
    .describe('Project that is charged, for workforce pools only.'),
  service_account: serviceAccount
    .optional()
    .describe('Service account to act as; without it the federated identity itself calls.'),
  delegates: z
    .array(serviceAccount)
    .max(8)
    .default([])
    .describe('Service accounts on the way to it, each allowed to act as the next.'),
  lifetime: duration
    .refine((ms) => ms >= 1_000 && ms <= longestLifetime, 'must be between 1s and 12h')
    .prefault('1h')
    .describe("Life of the service account's token; above an hour an organization policy must allow it."),
  iam_endpoint: httpUrl
    .default('https://iamcredentials.googleapis.com')
    .describe('The service that gives tokens of service accounts; another one for tests.'),
  ...federationShape('https://sts.googleapis.com/v1/token'),
});

export type Options = z.output<typeof schema>;

export function create(options: Options, ports: GrantPorts): Grant {
  const { service_account, user_project } = options;
  const next = service_account === undefined ? undefined : createImpersonation({ ...options, service_account }, ports);
  const subjectType = options.subject_token_type === 'jwt' ? jwtType : idTokenType;
  const extra: readonly Input[] =
    user_project === undefined ? [] : [['options', JSON.stringify({ userProject: user_project })]];

  const federation = createFederation(
    {
      type,
      encoding: 'form',
      inputs: ({ subject, scopes }) => [
        ['grant_type', tokenExchangeGrant],
        ['audience', options.audience],
        ['scope', next !== undefined || scopes.length === 0 ? cloudPlatform : scopes.join(' ')],
        ['requested_token_type', accessTokenType],
        ['subject_token', subject.token],
        ['subject_token_type', subjectType],
        ...extra,
      ],
      audience: options.audience,
      subjectAudience: `https:${options.audience}`, // a provider's default, where none was configured
    },
    options,
    ports,
  );
  return { ...federation, next };
}

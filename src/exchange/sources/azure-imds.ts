// The token of an Azure managed identity, from the Instance Metadata Service: plain http on a link-local address. GET
// .../metadata/identity/oauth2/token?api-version=2018-02-01&resource=..., header `Metadata: true`, answer {"access_token"}
// (openai 7.57.0, src/auth/subject-token-providers.ts). IMDS keeps tokens and gives the same one again until shortly before
// its end: no use for a vendor that takes each assertion once (Anthropic with `check_jti`).
// The gate's address policy refuses metadata services: whoever uses this must name 169.254.169.254/32 in network.allow.

import * as z from 'zod';
import { parseJson } from '../json.ts';
import { requestShape } from '../request-schema.ts';
import type { SourcePorts, SubjectSource } from '../source.ts';
import { metadataEndpoint } from './metadata-endpoint.ts';
import { askPlatform, type PlatformQuestion } from './platform.ts';

export const source = 'azure_imds';

export const schema = z.strictObject({
  source: z
    .literal(source)
    .describe('The managed identity of an Azure workload; needs 169.254.169.254/32 in `network.allow`.'),
  resource: requestShape.audience.describe(
    'Application the token is for: the application ID URI registered for the vendor.',
  ),
  client_id: z
    .string()
    .regex(/^[A-Za-z0-9-]{1,64}$/, 'is not a client id')
    .optional()
    .describe('Which of several managed identities; the only one by default.'),
  endpoint: metadataEndpoint
    .default('http://169.254.169.254')
    .describe('The metadata service; another one on this machine only.'),
});

export type Options = z.output<typeof schema>;

const apiVersion = '2018-02-01';

export function create(name: string, options: Options, ports: SourcePorts): SubjectSource {
  const url = new URL('/metadata/identity/oauth2/token', options.endpoint);
  url.searchParams.set('api-version', apiVersion);
  url.searchParams.set('resource', options.resource);
  if (options.client_id !== undefined) url.searchParams.set('client_id', options.client_id);
  const question: PlatformQuestion = {
    name,
    url: url.href,
    headers: { metadata: 'true' },
    pick: (answer) => tokenAnswer.safeParse(parseJson(answer)).data?.access_token,
  };
  return { name, read: () => askPlatform(question, ports) };
}

const tokenAnswer = z.object({ access_token: z.string() });

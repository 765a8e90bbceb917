// The identity token of a Google Cloud workload, from the metadata server: plain http on a link-local address that no packet
// leaves the machine for. GET .../instance/service-accounts/default/identity?audience=..., header `Metadata-Flavor: Google`,
// the answer is the bare JWT (openai 7.57.0, src/auth/subject-token-providers.ts).
// The gate's address policy refuses metadata services: whoever uses this must name 169.254.169.254/32 in network.allow.

import * as z from 'zod';
import { requestShape } from '../request-schema.ts';
import type { SourcePorts, SubjectSource } from '../source.ts';
import { metadataEndpoint } from './metadata-endpoint.ts';
import { askPlatform, type PlatformQuestion } from './platform.ts';

export const source = 'gcp_metadata';

export const schema = z.strictObject({
  source: z
    .literal(source)
    .describe('The service account of a Google Cloud workload; needs 169.254.169.254/32 in `network.allow`.'),
  audience: requestShape.audience.describe('Audience of the token, as the vendor was told to expect it.'),
  service_account: z
    .string()
    .regex(/^[A-Za-z0-9._@-]{1,254}$/, 'is not a service account (`default` or an e-mail address)')
    .default('default')
    .describe('Which of the service accounts attached to the machine.'),
  endpoint: metadataEndpoint
    .default('http://metadata.google.internal')
    .describe('The metadata server; another one on this machine only.'),
});

export type Options = z.output<typeof schema>;

export function create(name: string, options: Options, ports: SourcePorts): SubjectSource {
  const path = `/computeMetadata/v1/instance/service-accounts/${options.service_account}/identity`;
  const url = new URL(path, options.endpoint);
  url.searchParams.set('audience', options.audience);
  const question: PlatformQuestion = {
    name,
    url: url.href,
    headers: { 'metadata-flavor': 'Google' },
    pick: ({ body }) => new TextDecoder().decode(body).trim(),
  };
  return { name, read: () => askPlatform(question, ports) };
}

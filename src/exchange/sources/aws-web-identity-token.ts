// The JWT of an AWS role for somebody else's federation (outbound identity federation): GetWebIdentityToken of a regional STS,
// signed with the role's own keys. Audience, DurationSeconds 60..3600, SigningAlgorithm RS256 or ES384; not on the global
// endpoint, and no use for AssumeRoleWithWebIdentity (STS API reference; IAM User Guide, "outbound identity federation").

import * as z from 'zod';
import { duration, httpUrl } from '../../base/scalars.ts';
import { awsRegion } from '../aws-session.ts';
import { askSts, readStsError, stsEndpoint, stsVersion } from '../aws-sts.ts';
import type { Input } from '../grant.ts';
import { reportUnprotected } from '../issuer-schema.ts';
import type { SourcePorts, SubjectSource } from '../source.ts';
import { readXml } from '../xml.ts';
import { createRole, roleSchema } from './aws-role.ts';
import { refuseUnsent, timeoutMs, tokenOf, unavailable } from './platform.ts';

export const source = 'aws_web_identity_token';

export const schema = z.strictObject({
  source: z
    .literal(source)
    .describe('The JWT of an AWS role, by GetWebIdentityToken; the account must have enabled it.'),
  region: awsRegion.describe('Region whose Security Token Service is asked.'),
  audience: z
    .string()
    .regex(/^[\x21-\x7e]{1,1000}$/, 'is not an audience (printable ASCII without spaces)')
    .describe('Audience of the token, as the vendor was told to expect it.'),
  signing_algorithm: z.enum(['RS256', 'ES384']).default('RS256').describe('What the vendor verifies.'),
  lifetime: duration
    .refine((ms) => ms >= 60_000 && ms <= 3_600_000, 'must be between 1m and 1h')
    .prefault('5m')
    .describe('Life of the token; it is asked for anew for every exchange.'),
  credentials: roleSchema.describe("Where the role's keys come from."),
  sts_endpoint: httpUrl.optional().describe("The Security Token Service; the region's own by default."),
});

export type Options = z.output<typeof schema>;

export function create(name: string, options: Options, ports: SourcePorts): SubjectSource {
  const { region, audience, signing_algorithm: algorithm, lifetime } = options;
  const endpoint = options.sts_endpoint ?? stsEndpoint(region);
  reportUnprotected(endpoint, 'sts_endpoint', ports.report);
  const readRole = createRole(name, options.credentials, ports);
  const inputs: readonly Input[] = [
    ['Action', 'GetWebIdentityToken'],
    ['Version', stsVersion],
    ['Audience.member.1', audience],
    ['DurationSeconds', String(Math.floor(lifetime / 1_000))],
    ['SigningAlgorithm', algorithm],
  ];

  return {
    name,
    async read() {
      const sign = { keys: await readRole(), region, at: ports.clock.now() };
      const question = { endpoint, inputs, secrets: [], timeoutMs, sign };
      const asked = askSts(ports.send, question);
      const { response } = await asked.catch((failure: unknown) => refuseUnsent(name, failure));
      if (response.status !== 200) {
        const { error } = readStsError(response) ?? {};
        throw unavailable(
          name,
          error === undefined ? `answered ${response.status}` : `answered ${response.status} ${error}`,
        );
      }
      return tokenOf(name, readXml(response).text('WebIdentityToken'));
    },
  };
}

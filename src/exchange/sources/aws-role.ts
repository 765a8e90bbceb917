// Where a workload on AWS has its role's keys from: the container credentials endpoint (ECS, EKS Pod Identity), the instance
// metadata service, or the environment of a job. Chosen by name, never tried one after the other: keys of another role would
// be another identity. IMDSv2 only, since version 1 gives keys to whoever can make this machine send a GET (SSRF).
// aws-sdk-js-v3: credential-provider-http (fromHttp, checkUrl), credential-provider-imds.

import * as z from 'zod';
import { type AwsKeys, awsKeysOfParts, checkedAwsKeys } from '../../base/aws-keys.ts';
import { configPath } from '../../base/config-path.ts';
import { isLoopback, secretValue } from '../../base/scalars.ts';
import { Secret } from '../../base/secret.ts';
import { parseUndeclared } from '../json.ts';
import { readSecretFile } from '../secret-file.ts';
import type { SourcePorts } from '../source.ts';
import { metadataEndpoint } from './metadata-endpoint.ts';
import { askService, type ServiceQuestion, unavailable } from './platform.ts';

/** Link-local addresses of ECS and of the EKS Pod Identity agent (checkUrl.js). */
const containerHosts = new Set(['169.254.170.2', '169.254.170.23', '[fd00:ec2::23]']);

const containerUrl = z
  .string()
  .max(2_048)
  .refine(isContainerUrl, 'is neither https nor an address of the container credentials endpoint')
  .meta({ title: 'URL', examples: ['${env:AWS_CONTAINER_CREDENTIALS_FULL_URI}'] });

export const roleSchema = z.discriminatedUnion('from', [
  z.strictObject({
    from: z
      .literal('container')
      .describe('The credentials endpoint of a container; needs its address in `network.allow`.'),
    url: containerUrl.describe(
      '`${env:AWS_CONTAINER_CREDENTIALS_FULL_URI}`, or http://169.254.170.2 with the relative one.',
    ),
    token_file: configPath
      .optional()
      .describe('`${env:AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE}`, read each time; none on ECS.'),
  }),
  z.strictObject({
    from: z.literal('instance').describe('The instance metadata service; needs 169.254.169.254/32 in `network.allow`.'),
    endpoint: metadataEndpoint.default('http://169.254.169.254').describe('Another one on this machine only.'),
  }),
  z.strictObject({
    from: z.literal('env').describe('Keys that stand in the environment when the configuration is loaded.'),
    access_key_id: z
      .string()
      .regex(/^\w{16,128}$/, 'is no access key id')
      .describe('`${env:AWS_ACCESS_KEY_ID}`.'),
    secret_access_key: secretValue.describe('`${env:AWS_SECRET_ACCESS_KEY}`.'),
    session_token: secretValue.optional().describe('`${env:AWS_SESSION_TOKEN}`.'),
  }),
]);

export type RoleConfig = z.output<typeof roleSchema>;

const credentials = z.object({ AccessKeyId: z.string(), SecretAccessKey: z.string(), Token: z.string() });

/** Reads the keys that hold now. @throws Refusal `secret_unavailable` */
export type ReadRole = () => Promise<AwsKeys>;

/** @param name of the subject source, for the operator */
export function createRole(name: string, config: RoleConfig, ports: Pick<SourcePorts, 'send'>): ReadRole {
  if (config.from === 'container') return () => fromContainer(name, config, ports);
  if (config.from === 'instance') return () => fromInstance(name, config.endpoint, ports);
  return async () => {
    const keys = awsKeysOfParts(config.access_key_id, config.secret_access_key, config.session_token);
    if (keys === undefined) throw unavailable(name, 'what stands in the environment is no pair of AWS keys');
    return keys;
  };
}

async function fromContainer(
  name: string,
  { url, token_file: file }: Extract<RoleConfig, { from: 'container' }>,
  ports: Pick<SourcePorts, 'send'>,
): Promise<AwsKeys> {
  // As it is in the file, without a scheme (fromHttp.js).
  const proof = file === undefined ? undefined : { header: 'authorization', value: await readSecretFile(file) };
  return readKeys({ name, url, proof }, ports);
}

/** Longest session token and role name taken from the metadata service, in characters. */
const maxMetadata = 1_024;

async function fromInstance(name: string, endpoint: string, ports: Pick<SourcePorts, 'send'>): Promise<AwsKeys> {
  const opened = await askService(
    {
      name,
      url: `${endpoint}/latest/api/token`,
      method: 'PUT',
      headers: { 'x-aws-ec2-metadata-token-ttl-seconds': '60' },
    },
    ports,
  );
  const value = wordOf(opened.body);
  if (value === undefined) throw unavailable(name, 'opened no metadata session');
  const proof = { header: 'x-aws-ec2-metadata-token', value: new Secret(value) };
  const url = `${endpoint}/latest/meta-data/iam/security-credentials/`;
  const role = wordOf((await askService({ name, url, proof }, ports)).body);
  if (role === undefined || !/^[\w+=,.@-]{1,64}$/.test(role)) throw unavailable(name, 'no role on this machine');
  return readKeys({ name, url: url + role, proof }, ports);
}

async function readKeys(question: ServiceQuestion, ports: Pick<SourcePorts, 'send'>): Promise<AwsKeys> {
  const { data } = credentials.safeParse(parseUndeclared(await askService(question, ports)));
  const { AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, Token: sessionToken } = data ?? {};
  const keys = checkedAwsKeys({ accessKeyId, secretAccessKey, sessionToken });
  if (keys === undefined) throw unavailable(question.name, 'answered without AWS keys');
  return keys;
}

/** The first line, if it is one word. */
function wordOf(body: Uint8Array): string | undefined {
  const [word = ''] = new TextDecoder().decode(body).trim().split('\n');
  return word.length <= maxMetadata && /^[\x21-\x7e]+$/.test(word) ? word : undefined;
}

function isContainerUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  if (url.username !== '' || url.password !== '' || url.hash !== '') return false;
  return (
    url.protocol === 'https:' || (url.protocol === 'http:' && (containerHosts.has(url.hostname) || isLoopback(url)))
  );
}

// AWS's Security Token Service: the query protocol, forms in and XML out. AssumeRoleWithWebIdentity verifies the JWT as STS
// does and takes tags and source identity from its claims alone; GetWebIdentityToken verifies a signature and hands out a
// JWT. Errors as the API reference and repost.aws quote them.

import type { Clock } from '../../../src/base/ports.ts';
import { type AwsAccount, awsAccount, awsRegion, awsRole, createAwsAccount, type Policy } from './aws-account.ts';
import { verifySigV4 } from './aws-sigv4.ts';
import {
  member,
  startVendorServer,
  type VendorAnswer,
  type VendorRequest,
  type VendorServer,
} from './vendor-server.ts';
import { createVerifier, type Failure, type Trust } from './verifier.ts';

export interface StsVendor extends VendorServer {
  readonly account: AwsAccount;
}

export interface StsOptions {
  readonly clock: Clock;
  readonly trust: Trust;
  /** Whether the role's trust policy admits the caller's tags (sts:TagSession) and source identity. */
  readonly mayTag?: boolean;
  /** Makes the JWT of an AWS identity for outbound federation. */
  readonly mint?: (audience: string) => Promise<string>;
}

const xml = { 'content-type': 'text/xml', 'x-amzn-requestid': '4f0f4dd1-0000-4000-8000-000000000001' };

const tagsClaim = 'https://aws.amazon.com/tags';
const sourceClaim = 'https://aws.amazon.com/source_identity';

export async function startStsVendor({ clock, trust, mayTag = true, mint }: StsOptions): Promise<StsVendor> {
  const verify = createVerifier({ clock, trust, algorithms: ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512'] });
  const account = createAwsAccount();

  async function assume(request: VendorRequest): Promise<VendorAnswer> {
    const token = member(request, 'WebIdentityToken') ?? '';
    const role = member(request, 'RoleArn');
    const name = member(request, 'RoleSessionName') ?? '';
    const duration = Number(member(request, 'DurationSeconds') ?? 3_600);
    if (!/^[\w+=,.@-]{2,64}$/.test(name))
      return invalid(`Value '${name}' at 'roleSessionName' failed to satisfy constraint`);
    if (!(duration >= 900)) return invalid("Value at 'durationSeconds' failed to satisfy constraint");
    if (duration > 43_200)
      return invalid('The requested DurationSeconds exceeds the MaxSessionDuration set for this role.');
    const policyText = member(request, 'Policy');
    if ((policyText?.length ?? 0) > 2_048)
      return problem(400, 'PackedPolicyTooLarge', 'Packed policy consumes 137% of allotted space');
    const policy = policyOf(policyText);
    if (policy === 'malformed') return problem(400, 'MalformedPolicyDocument', 'Syntax errors in policy.');
    const verdict = await verify(token);
    if (verdict.failure === 'not_admitted') return denied();
    if (verdict.failure !== undefined)
      return (
        refusals[verdict.failure] ?? problem(400, 'InvalidIdentityToken', 'The ID Token provided is not a valid JWT.')
      );
    const { claims } = verdict;
    if (role !== awsRole) return denied();
    const tags = tagsOf(claims[tagsClaim]);
    if (tags === undefined)
      return problem(400, 'InvalidIdentityToken', 'Session tags passed in claim are not in correct format.');
    const source = claims[sourceClaim];
    if (!mayTag && (Object.keys(tags).length > 0 || source !== undefined)) return denied();
    const endsAt = (Math.floor(clock.now() / 1_000) + duration) * 1_000;
    const arn = `arn:aws:sts::${awsAccount}:assumed-role/agents/${name}`;
    const sourceIdentity = typeof source === 'string' ? source : undefined;
    const session = account.open({ arn, endsAt, claims, tags, sourceIdentity, policy });
    return answer(
      'AssumeRoleWithWebIdentity',
      `<SubjectFromWebIdentityToken>${escaped(claims.sub ?? '')}</SubjectFromWebIdentityToken>
    <Audience>${escaped(trust.audience)}</Audience>
    <AssumedRoleUser><Arn>${arn}</Arn><AssumedRoleId>AROA3XFRBF535PLBIFPI4:${name}</AssumedRoleId></AssumedRoleUser>
    <Credentials>
      <SessionToken>${session.sessionToken}</SessionToken>
      <SecretAccessKey>${session.secretAccessKey}</SecretAccessKey>
      <Expiration>${iso(endsAt)}</Expiration>
      <AccessKeyId>${session.accessKeyId}</AccessKeyId>
    </Credentials>
    <Provider>${escaped(trust.issuer)}</Provider>`,
    );
  }

  async function getToken(request: VendorRequest): Promise<VendorAnswer> {
    const check = {
      service: 'sts',
      region: awsRegion,
      now: clock.now(),
      signerOf: (id: string) => account.sessions.get(id),
    };
    const verdict = verifySigV4({ ...request, body: request.raw }, check);
    if (verdict.failure === 'ExpiredTokenException') return problem(403, 'ExpiredToken', verdict.message);
    if (verdict.failure === 'UnrecognizedClientException') return problem(403, 'InvalidClientTokenId', verdict.message);
    if (verdict.failure !== undefined) return problem(403, 'SignatureDoesNotMatch', verdict.message);
    if (mint === undefined)
      return problem(403, 'OutboundWebIdentityFederationDisabled', 'Outbound federation is not enabled.');
    const audience = member(request, 'Audience.member.1') ?? '';
    const seconds = Number(member(request, 'DurationSeconds') ?? 300);
    if (audience === '' || !/^(?:RS256|ES384)$/.test(member(request, 'SigningAlgorithm') ?? ''))
      return invalid('1 validation error detected');
    if (!(seconds >= 60 && seconds <= 3_600)) return invalid('1 validation error detected');
    const expiration = iso(clock.now() + seconds * 1_000);
    const token = await mint(audience);
    return answer(
      'GetWebIdentityToken',
      `<WebIdentityToken>${token}</WebIdentityToken><Expiration>${expiration}</Expiration>`,
    );
  }

  const server = await startVendorServer(async (request) => {
    if (request.method !== 'POST' || request.path !== '/') return problem(404, 'InvalidAction', 'Not found');
    if (member(request, 'Version') !== '2011-06-15')
      return problem(400, 'NoSuchVersion', 'The requested version is not there.');
    const action = member(request, 'Action');
    if (action === 'AssumeRoleWithWebIdentity') return assume(request);
    if (action === 'GetWebIdentityToken') return getToken(request);
    return problem(400, 'InvalidAction', `Could not find operation ${escaped(action ?? '')} for version 2011-06-15`);
  });
  return { ...server, account };
}

const refusals: Partial<Record<Failure, VendorAnswer>> = {
  expired: problem(
    400,
    'ExpiredTokenException',
    'Token expired: current date/time 1795262400 must be before the expiration date/time',
  ),
  audience_mismatch: problem(400, 'InvalidIdentityToken', 'Incorrect token audience'),
  issuer_mismatch: problem(
    400,
    'InvalidIdentityToken',
    'No OpenIDConnect provider found in your account for https://other.example',
  ),
  keys_unavailable: problem(
    400,
    'InvalidIdentityToken',
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements",
  ),
};

function denied(): VendorAnswer {
  return problem(403, 'AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity');
}

function invalid(message: string): VendorAnswer {
  return problem(400, 'ValidationError', message);
}

export function problem(status: number, code: string, message: string): VendorAnswer {
  const body = `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <Error>
    <Type>Sender</Type>
    <Code>${code}</Code>
    <Message>${escaped(message)}</Message>
  </Error>
  <RequestId>4f0f4dd1-0000-4000-8000-000000000001</RequestId>
</ErrorResponse>
`;
  return { status, body, headers: xml };
}

function answer(action: string, result: string): VendorAnswer {
  const body = `<${action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <${action}Result>
    ${result}
  </${action}Result>
  <ResponseMetadata><RequestId>4f0f4dd1-0000-4000-8000-000000000001</RequestId></ResponseMetadata>
</${action}Response>
`;
  return { status: 200, body, headers: xml };
}

function policyOf(text: string | undefined): Policy | undefined | 'malformed' {
  if (text === undefined) return undefined;
  try {
    const policy: unknown = JSON.parse(text);
    const shaped = typeof policy === 'object' && policy !== null && 'Statement' in policy;
    // The gate's own policy: its statements have the shape they must have, or `mayDo` denies.
    return shaped ? (policy as Policy) : 'malformed';
  } catch {
    return 'malformed';
  }
}

/** `principal_tags`, each a list of one; undefined for anything else. */
function tagsOf(claim: unknown): Record<string, string> | undefined {
  if (claim === undefined) return {};
  if (typeof claim !== 'object' || claim === null || !('principal_tags' in claim)) return undefined;
  const { principal_tags: tags } = claim;
  if (typeof tags !== 'object' || tags === null) return undefined;
  const pairs = Object.entries(tags).map(([key, values]) => [key, Array.isArray(values) ? values[0] : undefined]);
  return pairs.every(([, value]) => typeof value === 'string') ? Object.fromEntries(pairs) : undefined;
}

function iso(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

function escaped(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
}

// One message to AWS's Security Token Service: its query protocol, a form out and XML back (aws-sdk-js-v3 of 2026,
// nested-clients/sts: AwsQueryProtocol, Version 2011-06-15). What its error codes mean for a call stands here once.
// Must never let a token or a key into a refusal; STS quotes role ARNs and its own reasons, which may be told.

import type { AwsKeys } from '../base/aws-keys.ts';
import type { Send, SendResponse } from '../base/ports.ts';
import type { Secret } from '../base/secret.ts';
import { signAws } from '../base/sigv4.ts';
import type { ErrorAnswer } from './error-answer.ts';
import type { Input } from './grant.ts';
import { type Answer, contentTypes, draftOf, post } from './message.ts';
import type { ReasonOfCode } from './token-error.ts';
import { readXml } from './xml.ts';

export const stsVersion = '2011-06-15';

/** The endpoint of a region; the global one is in us-east-1, knows not every call and is slower from elsewhere. */
export function stsEndpoint(region: string): string {
  return `https://sts.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`;
}

export interface StsQuestion {
  readonly endpoint: string;
  /** `Action` first. */
  readonly inputs: readonly Input[];
  /** Taken out of whatever STS says. */
  readonly secrets: readonly Secret[];
  readonly traceparent?: string | undefined;
  readonly timeoutMs: number;
  /** For calls in the name of AWS credentials; without it the token in the form is the only proof. */
  readonly sign?: { readonly keys: AwsKeys; readonly region: string; readonly at: number };
}

/** Rejects with SendFailure only. */
export async function askSts(send: Send, question: StsQuestion): Promise<Answer> {
  const { endpoint, inputs, secrets, traceparent, timeoutMs, sign } = question;
  const draft = draftOf(inputs, { accept: 'text/xml' }, traceparent);
  if (sign !== undefined) {
    const { origin, pathname } = new URL(endpoint);
    const headers = ['content-type', contentTypes.form];
    const request = { method: 'POST', origin, path: pathname, headers, body: draft.parameters.toString() };
    const lines = await signAws(request, sign.keys, { ...sign, service: 'sts' });
    for (let i = 0; i < lines.length; i += 2) draft.headers.set(lines[i] ?? '', lines[i + 1] ?? '');
  }
  return post(send, { url: endpoint, encoding: 'form', draft, secrets, timeoutMs });
}

/** Codes of AssumeRoleWithWebIdentity (API reference and aws-sdk-js-v3, sts/schemas) and those common to all of AWS. */
export const stsReasons: ReasonOfCode = new Map([
  ['InvalidIdentityToken', 'subject_token_rejected'],
  ['InvalidIdentityToken (keys)', 'issuer_failed'],
  ['InvalidIdentityToken (provider)', 'exchange_misconfigured'],
  ['ExpiredTokenException', 'subject_token_rejected'],
  // "the claim is invalid ... expired or has been explicitly revoked"
  ['IDPRejectedClaim', 'subject_token_rejected'],
  ['IDPCommunicationError', 'issuer_failed'],
  // The role's trust policy: also said where the role is not there, or tags or a source identity are not allowed.
  ['AccessDenied', 'exchange_denied'],
  ['PackedPolicyTooLarge', 'exchange_misconfigured'],
  ['MalformedPolicyDocument', 'exchange_misconfigured'],
  ['ValidationError', 'exchange_misconfigured'],
  ['RegionDisabledException', 'exchange_misconfigured'],
  ['Throttling', 'issuer_failed'],
  ['ThrottlingException', 'issuer_failed'],
  ['RequestLimitExceeded', 'issuer_failed'],
]);

/** STS cannot fetch the keys of the token's issuer (repost.aws, "AssumeRoleWithWebIdentity InvalidIdentityToken"). */
const keysUnread = /verification key/i;

/** The account trusts no such issuer. */
const providerUnknown = /no openidconnect provider/i;

/** undefined for anything that is no error answer of STS. */
export function readStsError(answer: SendResponse): ErrorAnswer | undefined {
  const xml = readXml(answer);
  const error = xml.text('Code');
  if (error === undefined || !/^[A-Za-z.]{1,64}$/.test(error)) return undefined;
  const description = xml.text('Message') ?? '';
  const numbers = keysUnread.test(description) ? [`${error} (keys)`] : [];
  if (providerUnknown.test(description)) numbers.push(`${error} (provider)`);
  return { error, description, numbers };
}

// What STS answers to AssumeRoleWithWebIdentity: the keys of a role session and when they end. Checked to be of the session that
// was asked for: its ARN ends with the session name (arn:aws:sts::<account>:assumed-role/<role>/<session name>).

import { type AwsKeys, checkedAwsKeys } from '../base/aws-keys.ts';
import { Refusal } from '../base/errors.ts';
import type { SendResponse } from '../base/ports.ts';
import { defaultRetryAfter } from './token-error.ts';
import { readXml } from './xml.ts';

export interface RoleSession {
  readonly keys: AwsKeys;
  /** Ms since the epoch. */
  readonly endsAt: number;
}

/** ISO 8601 in UTC, as STS writes it, with or without a fraction. */
const instant = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?Z$/;

/** @throws Refusal `issuer_answer_malformed` */
export function readSession(answer: SendResponse, sessionName: string): RoleSession {
  const xml = readXml(answer);
  const keys = checkedAwsKeys({
    accessKeyId: xml.text('AccessKeyId'),
    secretAccessKey: xml.text('SecretAccessKey'),
    sessionToken: xml.text('SessionToken'),
  });
  // A session has a token: keys without one would be somebody's long-lived ones.
  if (keys?.sessionToken === undefined) throw malformed('has no keys of a session');
  const expiration = xml.text('Expiration') ?? '';
  if (!instant.test(expiration) || Number.isNaN(Date.parse(expiration))) throw malformed('does not say when they end');
  if (xml.text('Arn')?.endsWith(`/${sessionName}`) !== true) throw malformed('is for another session');
  return { keys, endsAt: Date.parse(expiration) };
}

function malformed(what: string): Refusal {
  return new Refusal('issuer_answer_malformed', {
    detail: `AssumeRoleWithWebIdentity: the answer ${what}`,
    retryAfter: defaultRetryAfter,
  });
}

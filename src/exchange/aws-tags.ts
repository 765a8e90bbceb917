// Session tags are in the token or nowhere: AssumeRoleWithWebIdentity has no parameter for them. Where a configuration counts
// on them, for CloudTrail or for policies with aws:PrincipalTag, a token without them must not become a session that
// nobody can attribute. Both spellings of the claim are read (IAM User Guide, "Pass session tags in AWS STS").

import { Refusal } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import { readPayload } from './readable.ts';

const claim = 'https://aws.amazon.com/tags';

/** @throws Refusal `exchange_misconfigured`, which names the key that is missing */
export function requireTags(keys: readonly string[], token: Secret): void {
  if (keys.length === 0) return;
  const payload = readPayload(token);
  const nested = membersOf(membersOf(payload?.[claim])?.get('principal_tags'));
  for (const key of keys) {
    if (isTag(nested?.get(key)) || isTag(payload?.[`${claim}/principal_tags/${key}`])) continue;
    const detail = `session_tags: the token's issuer gave it no session tag "${key}"`;
    throw new Refusal('exchange_misconfigured', { detail, retryAfter: 1 });
  }
}

/** One text, or a list of one. */
function isTag(value: unknown): boolean {
  const [text, ...more] = Array.isArray(value) ? value : [value];
  return typeof text === 'string' && text !== '' && more.length === 0;
}

function membersOf(value: unknown): ReadonlyMap<string, unknown> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? new Map(Object.entries(value))
    : undefined;
}

// Session tags for AWS: the claim that AssumeRoleWithWebIdentity turns into tags of the role session, which CloudTrail shows and
// policies can ask for (aws:PrincipalTag). It has no parameter for them, so that only the issuer can say who called for whom.
// Shape and limits: IAM User Guide, "Passing session tags using AssumeRoleWithWebIdentity"; STS API reference, Tag.

import { errors } from 'oidc-provider';
import type { JsonObject } from '../../principal.ts';
import type { ExchangeGrant } from './check.ts';

const claim = 'https://aws.amazon.com/tags';

/** Values of tags, at most 256 characters of these; anything else would make AWS refuse the token. */
const tagValue = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]{1,256}$/u;

/**
 * `caller`: the outermost actor, or the subject where nobody acts for it; `subject`: for whom. Both go on to further roles.
 * @throws errors.InvalidTarget for a name that cannot be a tag: a session of somebody else's name must not be
 */
export function awsSessionTags({ subject, act }: Pick<ExchangeGrant, 'subject' | 'act'>): JsonObject {
  const caller = act?.['sub'] ?? subject.sub;
  const tags = { caller: [tagOf(caller)], subject: [tagOf(subject.sub)] };
  return { [claim]: { principal_tags: tags, transitive_tag_keys: Object.keys(tags) } };
}

function tagOf(name: unknown): string {
  if (typeof name === 'string' && tagValue.test(name)) return name;
  throw new errors.InvalidTarget('a party of this delegation has a name that cannot be a session tag');
}

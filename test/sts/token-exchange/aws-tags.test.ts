// Session tags of AWS in tokens for the audience that asks for them, and in no others.

import { test } from 'tap';
import { awsSessionTags } from '../../../src/sts/token-exchange/aws-tags.ts';
import { exchange, ownToken, planner, startIssuer } from '../../support/sts-issuer.ts';

const audiences = [{ id: 'sts.amazonaws.com', scopes: [], aws_session_tags: true }, { id: 'qdrant' }];
const claim = 'https://aws.amazon.com/tags';

test('caller and subject, both for further roles too', async (t) => {
  const issuer = await startIssuer(t, { audiences });
  const subject = await issuer.mint({ sub: 'alice', audience: 'agent:planner' });
  const actor = await ownToken(issuer, planner);
  const { claims } = await exchange(issuer, { subject, actor }, { audience: 'sts.amazonaws.com' });
  t.strictSame(claims[claim], {
    principal_tags: { caller: ['agent:planner'], subject: ['alice'] },
    transitive_tag_keys: ['caller', 'subject'],
  });
  const other = await exchange(issuer, { subject, actor }, { audience: 'qdrant' });
  t.equal(other.claims[claim], undefined);
});

test('a name that cannot be a tag makes no token', async (t) => {
  const issuer = await startIssuer(t, { audiences });
  const subject = await issuer.mint({ sub: 'alice;drop', audience: 'agent:planner' });
  const actor = await ownToken(issuer, planner);
  const { status, body } = await exchange(issuer, { subject, actor }, { audience: 'sts.amazonaws.com' });
  t.equal(status, 400);
  t.match(body, { error: 'invalid_target' });
});

test('who acts for nobody is the caller', (t) => {
  const subject = { sub: 'spiffe://corp/agent' };
  // Only the name of the token is looked at.
  const tags = awsSessionTags({ subject: subject as never, act: undefined });
  t.match(tags[claim], { principal_tags: { caller: ['spiffe://corp/agent'], subject: ['spiffe://corp/agent'] } });
  t.end();
});

// Delegation chain splicing (OAuth WG list, February 2026): RFC 8693 does not tie subject_token and actor_token together.
// Whoever holds two honest tokens of different flows - a user's token meant for one agent, and the token of another - could
// have them joined into a validly signed chain that never happened. The embedded issuer joins them only when the subject
// token is addressed to the actor, or names it in may_act; and takes an actor token only from whom it was made for.

import { test } from 'tap';
import { exchange, ownToken, planner, researcher, startIssuer } from '../support/sts-issuer.ts';

const refused = (description: RegExp) => ({
  status: 400,
  body: { error: 'invalid_request', error_description: description },
});

test('a user token for one agent is not joined with the token of another', async (t) => {
  const issuer = await startIssuer(t);
  const subject = await issuer.mint({ sub: 'alice', audience: 'agent:planner' });
  t.equal((await exchange(issuer, { subject, actor: await ownToken(issuer, planner) })).status, 200, 'the honest pair');
  const spliced = await exchange(issuer, { subject, actor: await ownToken(issuer, researcher) });
  t.match(spliced, refused(/its aud does not contain the actor/));
});

test('may_act that names one agent keeps out another, even one the token is addressed to', async (t) => {
  const issuer = await startIssuer(t);
  const audience = ['agent:planner', 'agent:researcher'];
  const subject = await issuer.mint({ sub: 'alice', audience, mayAct: { sub: 'agent:planner', iss: issuer.issuer } });
  t.equal((await exchange(issuer, { subject, actor: await ownToken(issuer, planner) })).status, 200);
  const spliced = await exchange(issuer, { subject, actor: await ownToken(issuer, researcher) });
  t.match(spliced, refused(/its may_act does not name the actor/));
});

test('a hop token of one agent is not carried on by another', async (t) => {
  const issuer = await startIssuer(t);
  const user = await issuer.mint({ sub: 'alice', audience: 'agent:planner' });
  const actor = await ownToken(issuer, planner);
  const hop = await exchange(issuer, { subject: user, actor }, { audience: 'agent:researcher' });
  const subject = String(hop.body['access_token']);
  t.match(await exchange(issuer, { subject, actor }), refused(/aud does not contain the actor/));
});

test('a delegated token is no actor token: its subject never acted', async (t) => {
  const issuer = await startIssuer(t);
  const delegated = await issuer.mint({ sub: 'bob', audience: 'postern', act: { sub: 'agent:planner' } });
  const subject = await issuer.mint({ sub: 'alice', audience: 'bob' });
  t.match(await exchange(issuer, { subject, actor: delegated }), refused(/itself delegated/));
});

test('an actor token made for somebody else is not taken from this client', async (t) => {
  const issuer = await startIssuer(t);
  const subject = await issuer.mint({ sub: 'alice', audience: 'agent:planner' });
  const actor = await issuer.mint({ sub: 'agent:planner', kind: 'workload', audience: 'another-gate' });
  t.match(await exchange(issuer, { subject, actor }), refused(/actor_token is not acceptable: its aud/));
});

test('without an actor the subject token must be addressed to the client itself', async (t) => {
  const issuer = await startIssuer(t);
  const subject = await issuer.mint({ sub: 'alice', audience: 'agent:planner' });
  t.match(await exchange(issuer, { subject }), refused(/aud does not contain the client/));
});

// Whom an entry means: planner calls on behalf of alice, whose token came over writer.

import { hash } from 'node:crypto';
import { test } from 'tap';
import { delegationRoot } from '../../src/base/delegation-root.ts';
import type { KnownCall } from '../../src/call.ts';
import type { VerifiedToken } from '../../src/principal.ts';
import type { WrittenLine } from '../../src/revocation/entry.ts';
import { createMatcher } from '../../src/revocation/matcher.ts';
import { credentialOf } from '../support/forwarding-gate.ts';
import { actorOf, aliceToken, entryOf, idp, plannerCall, workloadToken } from '../support/revocation-lists.ts';

const now = Date.UTC(2026, 10, 22, 10);

function matcherOf(...lines: readonly WrittenLine[]) {
  const matcher = createMatcher(() => now);
  for (const line of lines) matcher.add(entryOf(line));
  return matcher;
}

const meansCall = (line: WrittenLine, call: KnownCall = plannerCall()) => matcherOf(line).ofCall(call) !== undefined;
const meansToken = (line: WrittenLine, token: VerifiedToken) => matcherOf(line).ofToken(token) !== undefined;
const digestOf = (jti: string) => hash('sha256', jti, 'hex').slice(0, 16);

test('subject, actor and member are three questions', (t) => {
  const who: Record<string, readonly string[]> = {
    alice: ['subject', 'member'],
    planner: ['actor', 'member'],
    writer: ['member'],
    mallory: [],
  };
  for (const [sub, kinds] of Object.entries(who)) {
    for (const kind of ['subject', 'actor', 'member']) {
      t.equal(meansCall({ [kind]: { iss: idp, sub } }), kinds.includes(kind), `${kind} ${sub}`);
    }
  }
  t.end();
});

test('an identity is (iss, sub)', (t) => {
  t.notOk(meansCall({ member: { iss: 'https://other.example', sub: 'alice' } }));
  t.notOk(meansCall({ actor: { iss: 'https://other.example', sub: 'planner' } }));
  t.notOk(
    meansCall({ member: { iss: 'https://idp.example.co', sub: 'malice' } }),
    'nor where both texts run together alike',
  );
  t.ok(meansCall({ member: { iss: '*', sub: 'alice' } }), 'of any issuer, where the entry says so');
  t.end();
});

test('an actor of which no issuer is told could be of any', (t) => {
  const nameless = aliceToken({ actors: [actorOf('writer', null)] });
  const call = plannerCall();
  const chain = { ...call.chain, prior: nameless.actors };
  t.ok(meansCall({ member: { iss: 'https://wherever.example', sub: 'writer' } }, { ...call, chain }));
  t.ok(meansToken({ member: { iss: 'https://wherever.example', sub: 'writer' } }, nameless));
  t.end();
});

test('a token, by its id or the digest that records show; the actor token too', (t) => {
  for (const token of ['jti-alice', digestOf('jti-alice'), 'jti-planner', digestOf('jti-planner')]) {
    t.ok(meansCall({ token }), token);
  }
  t.notOk(meansCall({ token: 'jti-mallory' }));
  t.ok(meansToken({ token: digestOf('jti-alice') }, aliceToken()));
  const likeDigest = aliceToken({ jti: '0123456789abcdef' });
  t.ok(meansToken({ token: '0123456789abcdef' }, likeDigest), 'an id that looks like a digest is still an id');
  t.notOk(meansToken({ token: 'jti-alice' }, aliceToken({ jti: undefined })));
  t.end();
});

test('the credential a call carries, and the tokens it was traded for', (t) => {
  const credential = credentialOf('secret');
  const facts = { ...credential.facts, idHash: digestOf('jti-issued') };
  const armed = { ...plannerCall(), cache: 'hit', credential: { ...credential, facts } } as const;
  t.ok(meansCall({ token: 'jti-issued' }, armed));
  t.ok(meansCall({ token: digestOf('jti-issued') }, armed));
  const traded = { ...armed, credential: { ...credential, facts: { ...credential.facts, via: [facts] } } };
  t.ok(meansCall({ token: 'jti-issued' }, traded));
  t.notOk(meansCall({ token: 'jti-other' }, traded));
  t.end();
});

test('a delegation by its root, a route by its id', (t) => {
  t.ok(meansCall({ root: 'root-1' }));
  t.notOk(meansCall({ root: 'root-2' }));
  t.ok(meansCall({ route: 'openai' }));
  t.notOk(meansCall({ route: 'constructor' }));
  t.ok(meansToken({ root: 'txn-1' }, aliceToken({ txn: 'txn-1' })));
  t.ok(meansToken({ root: delegationRoot(idp, 'jti-alice') }, aliceToken()));
  t.notOk(meansToken({ root: delegationRoot(idp, 'jti-alice') }, aliceToken({ txn: 'txn-1' })));
  t.end();
});

test('a held token: its subject, whoever presented it, everybody in it', (t) => {
  const token = aliceToken({ actors: [actorOf('writer'), actorOf('planner')] });
  t.ok(meansToken({ subject: { iss: idp, sub: 'alice' } }, token));
  t.ok(meansToken({ actor: { iss: idp, sub: 'writer' } }, token));
  t.notOk(meansToken({ actor: { iss: idp, sub: 'planner' } }, token), 'planner did not present it');
  t.ok(meansToken({ member: { iss: idp, sub: 'planner' } }, token));
  t.ok(meansToken({ actor: { iss: idp, sub: 'planner' } }, workloadToken('planner')));
  t.end();
});

test('tokens of before an instant only; one that does not say when could be any old', (t) => {
  const line = { subject: { iss: idp, sub: 'alice' }, issued_before: new Date(now).toISOString() };
  const issuedAt = (iat: number | undefined) =>
    aliceToken({ principal: { ...aliceToken().principal, claims: iat === undefined ? {} : { iat } } });
  t.ok(meansToken(line, issuedAt(now / 1_000 - 1)));
  t.notOk(meansToken(line, issuedAt(now / 1_000)));
  t.ok(meansToken(line, issuedAt(undefined)));
  t.end();
});

test('for a member, the token that proves it: a caller with a new token goes on', (t) => {
  const line = { member: { iss: idp, sub: 'planner' }, issued_before: new Date(now).toISOString() };
  const dated = (iat: number) =>
    workloadToken('planner', { principal: { ...workloadToken('planner').principal, claims: { iat } } });
  t.ok(meansCall(line, plannerCall({ actorToken: dated(now / 1_000 - 1) })));
  t.notOk(meansCall(line, plannerCall({ actorToken: dated(now / 1_000) })));
  t.end();
});

test('an entry ends at its time, and when it is taken out', (t) => {
  const ended = { subject: { iss: idp, sub: 'alice' }, until: new Date(now).toISOString() };
  t.notOk(meansCall(ended));
  t.ok(meansCall({ ...ended, until: new Date(now + 1).toISOString() }));
  const matcher = matcherOf({ id: 'one', route: 'openai' }, { id: 'two', route: 'openai' });
  matcher.remove(entryOf({ id: 'one', route: 'openai' }));
  t.equal(matcher.ofCall(plannerCall())?.id, 'two');
  matcher.remove(entryOf({ id: 'two', route: 'openai' }));
  t.equal(matcher.ofCall(plannerCall()), undefined);
  t.equal(matcher.size, 0);
  t.end();
});

// Handles: one for each token, while it lives, and never for anybody else's.

import { test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import { createHandles, type Handles, looksLikeHandle, maxHandles } from '../../src/identity/handle.ts';
import type { VerifiedToken } from '../../src/principal.ts';
import { unverified } from '../support/exchange-call.ts';
import { start } from '../support/identity-issuer.ts';
import { clockAt, reasonOf, type World } from '../support/identity-world.ts';

const hour = 3_600_000;
const seconds = (ms: number) => Math.floor(ms / 1_000);

/** A token of alice that ends in two hours, with these changes. */
function tokenOf(text: string, changes: Partial<VerifiedToken> = {}): VerifiedToken {
  return unverified('alice', { token: new Secret(text), expiresAt: seconds(start + 2 * hour), ...changes });
}

interface Held {
  readonly handles: Handles;
  readonly clock: World['clock'];
  hold(token: VerifiedToken, session?: string): Secret;
  redeem(handle: Secret): string;
}

function heldHere(): Held {
  const clock = clockAt(start);
  const handles = createHandles(clock);
  return {
    handles,
    clock,
    hold: (token, session) => handles.hold(token, { ttlMs: hour, session }).handle,
    redeem: (handle) => handles.redeem(handle).token.reveal(),
  };
}

async function reasonFor({ handles }: Held, handle: Secret): Promise<string> {
  return reasonOf(() => handles.redeem(handle));
}

test('a handle stands for its token, and looks like nothing else', (t) => {
  const held = heldHere();
  const handle = held.hold(tokenOf('t1'));
  t.match(handle.reveal(), /^psh_[A-Za-z0-9_-]{43}$/);
  t.equal(held.redeem(handle), 't1');
  t.ok(looksLikeHandle(handle.reveal()));
  t.ok(looksLikeHandle('PSH_cut'), 'a broken one is still no placeholder');
  t.notOk(looksLikeHandle('sk-something'));
  t.end();
});

test('the same token gets the same handle, another token another', (t) => {
  const held = heldHere();
  const first = held.hold(tokenOf('t1'));
  t.equal(held.hold(tokenOf('t1')).reveal(), first.reveal(), 'an SDK client made with it stays usable');
  const second = held.hold(tokenOf('t2'));
  t.not(second.reveal(), first.reveal());
  t.equal(held.redeem(first), 't1', 'and a later token does not win it');
  t.end();
});

test('it ends with its token, and says so', async (t) => {
  const held = heldHere();
  const handle = held.hold(tokenOf('t1', { expiresAt: seconds(start) + 60 }));
  held.clock.advance(59);
  t.equal(held.redeem(handle), 't1');
  held.clock.advance(1);
  t.equal(await reasonFor(held, handle), 'handle_expired');
  t.equal(await reasonFor(held, new Secret(`psh_${'A'.repeat(43)}`)), 'handle_unknown');
  t.equal(await reasonFor(held, new Secret('psh_short')), 'handle_unknown');
});

test('it ends some time after the last call that brought its token', async (t) => {
  const held = heldHere();
  const handle = held.hold(tokenOf('t1'));
  held.clock.advance(3_000);
  t.equal(held.hold(tokenOf('t1')).reveal(), handle.reveal());
  held.clock.advance(3_000);
  t.equal(held.redeem(handle), 't1', 'the second call counts');
  held.clock.advance(600);
  t.equal(await reasonFor(held, handle), 'handle_expired');
  t.not(held.hold(tokenOf('t1')).reveal(), handle.reveal(), 'what has ended does not come back');
});

test('in one MCP session a refreshed token keeps the handle', async (t) => {
  const held = heldHere();
  const soon = seconds(start) + 60;
  const first = tokenOf('t1', { expiresAt: soon });
  const handle = held.hold(first);
  t.equal(held.hold(first, 's1~seal').reveal(), handle.reveal(), 'the one from initialize stays, too');
  held.clock.advance(50);
  t.equal(held.hold(tokenOf('t2'), 's1~seal').reveal(), handle.reveal());
  held.clock.advance(50);
  t.equal(held.redeem(handle), 't2');
  held.hold(first, 's1~seal');
  t.equal(held.redeem(handle), 't2', 'an older token does not take it back');
});

test('a session keeps nothing for anybody else, or for other rights', (t) => {
  const held = heldHere();
  const handle = held.hold(tokenOf('t1', { scopes: ['read'] }), 's1');
  const act = { sub: 'agent', iss: 'https://idp.example.com', claims: { sub: 'agent' } };
  const others: [string, VerifiedToken, string | undefined][] = [
    ['another user', { ...unverified('bob'), scopes: ['read'] }, 's1'],
    ['another issuer', tokenOf('t2', { scopes: ['read'], principal: { ...tokenOf('').principal, iss: 'x' } }), 's1'],
    ['another actor', tokenOf('t3', { scopes: ['read'], actors: [act] }), 's1'],
    ['wider scope', tokenOf('t4', { scopes: ['read', 'write'] }), 's1'],
    ['another audience', tokenOf('t5', { scopes: ['read'], audiences: ['other'] }), 's1'],
    ['another session', tokenOf('t6', { scopes: ['read'] }), 's2'],
    ['no session', tokenOf('t7', { scopes: ['read'] }), undefined],
  ];
  for (const [story, token, session] of others) t.not(held.hold(token, session).reveal(), handle.reveal(), story);
  t.equal(held.redeem(handle), 't1');
  t.end();
});

test('revocation ends every handle that concerns a party, by subject and by actor', async (t) => {
  const held = heldHere();
  const agent = { sub: 'agent', iss: undefined, claims: { sub: 'agent' } };
  const alice = held.hold(tokenOf('t1'));
  const throughAgent = held.hold(tokenOf('t2', { ...unverified('bob'), token: new Secret('t2'), actors: [agent] }));
  const carol = held.hold(unverified('carol'));

  t.equal(held.handles.revoke({ iss: 'https://elsewhere.example', sub: 'alice' }), 0, 'a name at another issuer');
  t.equal(held.handles.revoke({ iss: 'https://idp.example.com', sub: 'alice' }), 1);
  t.equal(
    held.handles.revoke({ iss: 'https://idp.example.com', sub: 'agent' }),
    1,
    'an actor of unnamed issuer counts',
  );
  t.equal(await reasonFor(held, alice), 'handle_unknown');
  t.equal(await reasonFor(held, throughAgent), 'handle_unknown');
  t.equal(held.redeem(carol), 'token-of-carol');
  t.not(
    held.hold(tokenOf('t1')).reveal(),
    alice.reveal(),
    'the old handle stays dead even if the token is let in again',
  );
});

test('the store is bounded, and whose handle was dropped is refused', async (t) => {
  const held = heldHere();
  const first = held.hold(tokenOf('first'));
  const second = held.hold(tokenOf('second'));
  held.redeem(first);
  for (let i = 0; i < maxHandles - 1; i += 1) held.hold(tokenOf(`flood-${i}`));
  t.equal(held.handles.size(), maxHandles);
  t.equal(await reasonFor(held, second), 'handle_unknown', 'the one not used for longest');
  t.equal(held.redeem(first), 'first');
  held.handles.clear();
  t.equal(await reasonFor(held, first), 'handle_unknown', 'and all end with the process');
});

test('nothing that can be seen of a store could be presented', (t) => {
  const held = heldHere();
  const { handle } = held.handles.hold(tokenOf('t1'), { ttlMs: hour });
  t.notMatch(JSON.stringify({ handle, handles: held.handles }), handle.reveal().slice(4));
  const other = heldHere();
  t.not(other.hold(tokenOf('t1')).reveal(), handle.reveal(), 'another process gives another handle to the same token');
  t.end();
});

test('a session is kept by a refreshed token only while every claim but times and id is the same', (t) => {
  const held = heldHere();
  const principal = unverified('alice').principal;
  const withClaims = (text: string, claims: object) =>
    tokenOf(text, { principal: { ...principal, claims: { ...principal.claims, ...claims } } });
  const first = held.hold(withClaims('t1', { role: 'reader', iat: 1, jti: 'a' }), 's').reveal();
  const refreshed = withClaims('t2', { jti: 'b', exp: 3, nbf: 2, iat: 2, role: 'reader' });
  t.equal(held.hold(refreshed, 's').reveal(), first);
  t.not(held.hold(withClaims('t3', { role: 'admin', iat: 1, jti: 'a' }), 's').reveal(), first);
  t.end();
});

// The sidecar's own token: read from a file that rotates, never used expired, and only a workload's.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { agentSub, identityWorld, presenting, reasonOf, type World } from '../support/identity-world.ts';

const sidecar = { mode: 'sidecar', token_file: '/token' } as const;

async function worldWithFile(t: Test, claims = {}): Promise<World & { file: { text: string; reads: number } }> {
  const file = { text: '', reads: 0 };
  const world = await identityWorld(t, {
    identity: sidecar,
    async readFile() {
      file.reads += 1;
      if (file.text === '') throw new Error('ENOENT');
      return file.text;
    },
  });
  file.text = `${await world.issuer.mint({ sub: agentSub, ...claims })}\n`;
  return { ...world, file };
}

const call = () => presenting(undefined);

test('the token is read from a real file, and again when it was rotated', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'postern-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'token');
  const { identity, issuer, clock } = await identityWorld(t, { identity: { mode: 'sidecar', token_file: path } });
  writeFileSync(path, await issuer.mint({ sub: agentSub, jti: 'one' }));
  t.equal((await identity.identify(call())).subjectToken.jti, 'one');

  writeFileSync(path, await issuer.mint({ sub: agentSub, jti: 'two' }));
  t.equal((await identity.identify(call())).subjectToken.jti, 'one', 'not looked at on each call');
  clock.advance(5);
  t.equal((await identity.identify(call())).subjectToken.jti, 'two');

  writeFileSync(path, ' '.repeat(32_769));
  clock.advance(5);
  t.equal((await identity.identify(call())).subjectToken.jti, 'two');
  t.equal(identity.status().at(-1)?.lastError, 'file could not be read', 'too large to be a token');
});

test('a file that fails to be read keeps the token it had until that expires', async (t) => {
  const { identity, clock, file } = await worldWithFile(t);
  await identity.identify(call());
  file.text = '';
  clock.advance(299);
  t.equal(await reasonOf(identity.identify(call())), 'not refused');
  clock.advance(1);
  t.equal(await reasonOf(identity.identify(call())), 'own_identity_unavailable');
  t.match(identity.status().at(-1), {
    trust: 'identity.token_file',
    ready: false,
    lastError: 'file could not be read',
  });
});

test('near expiry the file is looked at on every call', async (t) => {
  const { identity, clock, file, issuer } = await worldWithFile(t);
  await identity.identify(call());
  clock.advance(271);
  await identity.identify(call());
  file.text = await issuer.mint({ sub: agentSub, jti: 'new', exp: clock.now() / 1_000 + 300 });
  t.equal((await identity.identify(call())).subjectToken.jti, 'new');
});

test('many calls at once read it once', async (t) => {
  const { identity, file } = await worldWithFile(t);
  await Promise.all(Array.from({ length: 20 }, () => identity.identify(call())));
  t.equal(file.reads, 1);
});

test("a user's token, a delegated one and an unknown issuer's are no identity", async (t) => {
  const user = await worldWithFile(t, { sub: 'alice' });
  const delegated = await worldWithFile(t, { act: { sub: 'x' } });
  const stranger = await worldWithFile(t, { iss: 'https://elsewhere.example' });
  for (const { identity } of [user, delegated, stranger]) {
    t.equal(await reasonOf(identity.identify(call())), 'own_identity_unavailable');
  }
  await stranger.identity.warm();
  t.match(stranger.problems, [{ path: ['identity', 'token_file'], mend: 'add a trust entry for its issuer' }]);
  t.match(stranger.identity.status().at(-1), { ready: false, lastError: 'token_issuer_unknown' });
});

test('the token in the file is bounded', async (t) => {
  const { identity, file } = await worldWithFile(t);
  file.text = 'x'.repeat(40_000);
  t.equal(await reasonOf(identity.identify(call())), 'own_identity_unavailable');
});

test('warm reads it ahead, and status tells', async (t) => {
  const { identity, issuer, problems } = await worldWithFile(t);
  await identity.warm();
  t.match(identity.status(), [
    { trust: 'corp', ready: true },
    { trust: 'identity.token_file', issuer: issuer.url, ready: true, keysAgeSeconds: 0 },
  ]);
  t.strictSame(problems, []);
});

test('a sidecar that trusts no workload issuer is a problem at load', async (t) => {
  const { problems } = await identityWorld(t, {
    identity: sidecar,
    trust: ({ url }) => [{ name: 'people', issuer: url, audiences: ['postern'], principal: 'user' }],
  });
  t.match(problems, [{ path: ['identity', 'token_file'] }]);
});

// Attack: a handle kept and used again after the call it was given for: after its token has ended, after its time, after a
// revocation, after the process. None may work, and none may turn the call into the agent's own.

import { test } from 'tap';
import { startSeconds } from '../support/identity-issuer.ts';
import { presenting, reasonOf, sidecarWorld, type World } from '../support/identity-world.ts';

interface Story {
  readonly ttlMs?: number;
  readonly exp?: number;
}

async function kept(world: World, { ttlMs = 86_400_000, exp = startSeconds + 7_200 }: Story = {}): Promise<string> {
  const { subjectToken } = await world.identity.receive(presenting(await world.issuer.mint({ exp })));
  return world.custody.handles.hold(subjectToken, { ttlMs }).handle.reveal();
}

const use = (world: World, handle: string) => reasonOf(world.identity.identify(presenting(handle)));

test('after its token has ended', async (t) => {
  const world = await sidecarWorld(t);
  const handle = await kept(world, { exp: startSeconds + 300 });
  world.clock.advance(299);
  t.equal(await use(world, handle), 'not refused');
  world.clock.advance(1);
  t.equal(await use(world, handle), 'handle_expired');
  world.clock.advance(86_400);
  t.equal(await use(world, handle), 'handle_expired');
});

test('after its own time, although the token still holds', async (t) => {
  const world = await sidecarWorld(t);
  const handle = await kept(world, { ttlMs: 60_000 });
  world.clock.advance(59);
  t.equal(await use(world, handle), 'not refused');
  world.clock.advance(1);
  t.equal(await use(world, handle), 'handle_expired', 'and using it did not make it live longer');
});

test('after a revocation of its user', async (t) => {
  const world = await sidecarWorld(t);
  const handle = await kept(world);
  t.equal(world.custody.revoke({ iss: world.issuer.url, sub: 'alice' }), 1);
  t.equal(await use(world, handle), 'handle_unknown');
  const again = await kept(world);
  t.not(again, handle);
  t.equal(await use(world, handle), 'handle_unknown', 'letting the user in again does not bring it back');
});

test('after the process has given it up', async (t) => {
  const world = await sidecarWorld(t);
  const handle = await kept(world);
  world.custody.close();
  t.equal(await use(world, handle), 'handle_unknown');
});

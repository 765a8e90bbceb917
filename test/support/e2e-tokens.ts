// Tokens that one test presents again and again, so that what was obtained with them is found again.

import type { World } from './e2e-world.ts';

/** The same tokens on every call: what is cached is cached for these. */
export async function tokens(world: World, lifetime = 300) {
  const [agent, user] = await Promise.all([
    world.agent('planner', { ttl: lifetime }),
    world.user('alice', 'agent:planner', { ttl: lifetime }),
  ]);
  return { agent, user };
}

// What compiling finds wrong with a configuration that is not going to be used, so that it can be told together with why.
// Nothing is listened on, fetched or kept.

import type { LoadedConfig } from '../config/load.ts';
import { compileGate } from './gate.ts';
import type { World } from './world.ts';

/** @returns for `loadConfig`; rejects with ConfigError */
export function createInspect(world: World): (loaded: LoadedConfig) => Promise<void> {
  return async (loaded) => {
    const gate = compileGate(loaded, world);
    await gate.closeNow();
  };
}

// The presets a configuration may name: those that come with Postern and those of its own folders.
// A preset file with a problem stops the load like any other part of the configuration.

import { ConfigError } from '../config/load.ts';
import { genericPreset } from '../routing/catalogue.ts';
import { builtInPresets, loadPresets } from '../routing/preset.ts';
import type { Preset } from '../routing/preset-schema.ts';

/**
 * @param routes whose presets are needed, all when absent; those of the folders are all read.
 * @throws ConfigError when a folder cannot be read or a preset file has problems.
 */
export function readPresets(
  folders: readonly string[],
  routes?: readonly { readonly preset?: string | undefined }[],
): ReadonlyMap<string, Preset> {
  const wanted = routes && new Set([genericPreset, ...routes.flatMap(({ preset }) => preset ?? [])]);
  const { presets, problems } = loadPresets([builtInPresets, ...folders], wanted);
  if (problems.length === 0) return presets;
  throw new ConfigError(problems.map((problem) => ({ ...problem, path: problem.path.join('.'), mend: problem.mend })));
}

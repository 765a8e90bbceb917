// A configuration as it was read, with every file that went into it: threads that compile it later, or once more, compile this
// very text and not what the files say by then. What was read may be secret, and is kept unprintable.

import { readTextFile } from '../base/read-file.ts';
import { Secret } from '../base/secret.ts';
import { type LoadedConfig, type LoadOptions, loadConfig } from '../config/load.ts';

export interface Manuscript {
  /** The configuration file. */
  readonly file: string;
  readonly loaded: LoadedConfig;
  /** By path, as they were asked for. */
  readonly files: ReadonlyMap<string, Secret>;
}

export interface ManuscriptOptions {
  /** The configuration file. */
  readonly file: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** What else is wrong where something is: see `loadConfig`. */
  readonly inspect?: LoadOptions['inspect'];
}

/** @throws ConfigError with every problem */
export async function readManuscript({ file, env, inspect }: ManuscriptOptions): Promise<Manuscript> {
  const files = new Map<string, Secret>();
  const loaded = await loadConfig({
    file,
    env,
    ...(inspect && { inspect }),
    async readFile(path, maxBytes) {
      const text = await readTextFile(path, maxBytes);
      files.set(path, new Secret(text));
      return text;
    },
  });
  return { file, loaded, files };
}

// A configuration on its way to the workers: what the main thread read, so that all of them compile the very same text.
// It may carry secrets in the clear, and must go nowhere but to a thread of this gate.

import { type LoadedConfig, loadConfig } from '../../config/load.ts';
import type { Manuscript } from '../manuscript.ts';
import type { Edition } from './messages.ts';

export function writeEdition({ file, files }: Manuscript, number: number): Edition {
  return { number, file, files: [...files].map(([path, text]) => [path, text.reveal()]) };
}

/** @throws ConfigError, which the main thread would have met before */
export function readEdition(
  { file, files }: Edition,
  env: Readonly<Record<string, string | undefined>>,
): Promise<LoadedConfig> {
  const texts = new Map(files);
  return loadConfig({
    file,
    env,
    async readFile(path) {
      const text = texts.get(path);
      if (text === undefined) throw new Error('was not read by the main thread');
      return text;
    },
  });
}

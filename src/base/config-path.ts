// Paths in the configuration: relative ones start at the folder of the configuration file, whichever folder the gate was
// started in. Features see absolute paths only. Must never resolve a path later than at load: a process may change folders.

import { resolve } from 'node:path';
import * as z from 'zod';

/** Longest path, in bytes: PATH_MAX of Linux. */
const maxPath = 4_096;

/** Where relative paths start, while a configuration is parsed. */
let start: string | undefined;

/** A path of a file or folder. */
export const configPath = z
  .string()
  .min(1, 'is empty')
  .max(maxPath)
  .refine((text) => !text.includes('\u0000'), 'has a character that no path has')
  .transform((text) => (start === undefined ? text : resolve(start, text)))
  .meta({ type: 'string', title: 'path', examples: ['/run/secrets/token', 'keys/client.pem'] });

/**
 * Runs `parse`, with relative paths starting at `folder`. Parsing is synchronous, so that nothing else comes in between; a
 * schema is a constant, and cannot be handed a folder otherwise.
 */
export function withPathsFrom<T>(folder: string, parse: () => T): T {
  const before = start;
  start = folder;
  try {
    return parse();
  } finally {
    start = before;
  }
}

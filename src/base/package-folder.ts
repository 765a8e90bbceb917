// Where the package lies: presets, the version and the demo are found from there. The nearest folder with a package.json above
// this code, so that it holds unbuilt and for whatever folder code is built into. Must never look below the working directory,
// which whoever starts the gate may choose.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

export const packageFolder: string = folderAbove(import.meta.dirname);

function folderAbove(folder: string): string {
  if (existsSync(join(folder, 'package.json'))) return folder;
  const above = dirname(folder);
  if (above === folder) throw new Error('the package of this code was not found: there is no package.json above it');
  return folderAbove(above);
}

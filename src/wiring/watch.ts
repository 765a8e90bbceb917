// Tells when a configuration file may have changed. Watches the folders, not the files: Kubernetes replaces mounted files by
// swapping a symbolic link, which a watch on the file itself never sees. Only a hint: the reload compares contents.

import { type FSWatcher, watch } from 'node:fs';
import { dirname } from 'node:path';

/** Editors and mounts write in several steps; changes this close together, in milliseconds, are one. */
const settleMs = 150;

export interface Watch {
  close(): void;
}

/** @param files absolute paths; @param changed called a moment after something changed in one of their folders. */
export function watchFiles(files: readonly string[], changed: () => void): Watch {
  let settling: NodeJS.Timeout | undefined;
  // Not put off by further changes: an audit log in the same folder would keep the hint away for ever.
  const notice = () => {
    settling ??= setTimeout(() => {
      settling = undefined;
      changed();
    }, settleMs).unref();
  };
  const watchers = [...new Set(files.map((file) => dirname(file)))].flatMap((folder) => open(folder, notice));
  return {
    close() {
      clearTimeout(settling);
      for (const watcher of watchers) watcher.close();
    },
  };
}

function open(folder: string, notice: () => void): FSWatcher[] {
  try {
    // Not persistent: a watch must not keep a stopped process alive.
    const watcher = watch(folder, { persistent: false }, notice);
    watcher.on('error', () => watcher.close());
    return [watcher];
  } catch {
    return []; // SIGHUP still reloads
  }
}

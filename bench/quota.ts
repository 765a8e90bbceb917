// Threads kept to a share of a core, so that a machine of two cores has room for two workers beside their load. By the cpu
// controller of cgroups, version 1 or 2, where it may be written. Leaves no group behind, whatever happens.

import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Short, so that a call waits little for its thread's next turn. */
const periodUs = 10_000;

interface Groups {
  readonly root: string;
  /** File of a group that takes single threads. */
  readonly members: string;
  /** A group just made becomes one whose groups take single threads of one process. */
  split(folder: string): void;
  /** A group just made below such a one takes single threads. */
  join(folder: string): void;
  limit(folder: string, share: number): void;
}

const version1 = (root: string): Groups => ({
  root,
  members: 'tasks',
  split: () => {},
  join: () => {},
  limit(folder, share) {
    writeFileSync(join(folder, 'cpu.cfs_period_us'), String(periodUs));
    writeFileSync(join(folder, 'cpu.cfs_quota_us'), String(share * periodUs));
  },
});

const version2 = (root: string): Groups => ({
  root,
  members: 'cgroup.threads',
  split: (folder) => writeFileSync(join(folder, 'cgroup.subtree_control'), '+cpu'),
  join: (folder) => writeFileSync(join(folder, 'cgroup.type'), 'threaded'),
  limit: (folder, share) => writeFileSync(join(folder, 'cpu.max'), `${share * periodUs} ${periodUs}`),
});

const groups = [version1('/sys/fs/cgroup/cpu'), version1('/sys/fs/cgroup/cpu,cpuacct'), version2('/sys/fs/cgroup')]
  .filter(({ root }) => existsSync(join(root, 'cgroup.procs')))
  .find(canLimit);

export const hasQuota = groups !== undefined;

/**
 * @param share of a core that each of these threads of a process gets at most
 * @returns to be called when it is over. @throws what the system says where it cannot be done
 */
export function keepTo(share: number, pid: number, threads: readonly number[]): () => void {
  if (groups === undefined) throw new Error('no groups can be made here');
  const whole = join(groups.root, `postern-bench-${process.pid}-${pid}`);
  const folders = [whole, ...threads.map((thread) => join(whole, String(thread)))];
  const { root, members, limit } = groups;
  function release(): void {
    process.off('exit', release);
    // One that has ended is in no group any more.
    if (existsSync(`/proc/${pid}`)) writeFileSync(join(root, 'cgroup.procs'), String(pid));
    for (const folder of folders.toReversed()) if (existsSync(folder)) rmdirSync(folder);
  }
  // Before processes are killed: one that is about to end cannot be moved.
  process.prependListener('exit', release);
  try {
    mkdirSync(whole);
    groups.split(whole);
    writeFileSync(join(whole, 'cgroup.procs'), String(pid));
    for (const thread of threads) {
      const own = join(whole, String(thread));
      mkdirSync(own);
      groups.join(own);
      limit(own, share);
      writeFileSync(join(own, members), String(thread));
    }
    return release;
  } catch (failure) {
    release();
    throw failure;
  }
}

function canLimit({ root, limit }: Groups): boolean {
  const folder = join(root, `postern-bench-${process.pid}`);
  try {
    mkdirSync(folder);
  } catch {
    return false;
  }
  try {
    limit(folder, 1);
    return true;
  } catch {
    return false;
  } finally {
    rmdirSync(folder);
  }
}

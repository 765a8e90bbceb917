// Where Keycloak's distribution is on this machine: unpacked into a cache folder, by Maven, the first time it is wanted.
// One folder for each set of features, because a server is built for its features at its first start.
// Must never touch the repository, and never fail the run for something that is merely not installed.

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** The version that test/interop and docs/concepts/issuers.md tell of. */
export const keycloakVersion = process.env['KEYCLOAK_VERSION'] ?? '26.7.3';

/** Oldest Java that this Keycloak runs on. */
const oldestJava = 17;

/** Longest time for a download of 180 MB, in milliseconds. */
const downloadLimit = 900_000;

/** Where it is, or why it cannot be had. */
export type Distribution = { readonly home: string } | { readonly skipped: string };

/** @param name of the folder: one for each set of features */
export async function obtainKeycloak(name: string): Promise<Distribution> {
  const java = await run('java', ['-version']);
  if (javaVersion(java) < oldestJava) return { skipped: `Keycloak needs Java ${oldestJava} or newer` };

  const cache = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'postern-interop');
  const home = join(cache, name, `keycloak-${keycloakVersion}`);
  if (existsSync(home)) return { home };
  if ((await run('mvn', ['-v'])) === undefined) return { skipped: 'Maven is not installed' };

  await mkdir(join(cache, name), { recursive: true });
  const partial = await mkdtemp(join(cache, 'partial-'));
  const artifact = `org.keycloak:keycloak-quarkus-dist:${keycloakVersion}:zip`;
  const goal = ['dependency:unpack', `-Dartifact=${artifact}`, `-DoutputDirectory=${partial}`];
  const unpacked = await run('mvn', ['-B', '-q', '-ntp', ...goal]);
  // Renamed when complete, so that an interrupted run leaves nothing that looks whole.
  if (unpacked !== undefined) await rename(join(partial, `keycloak-${keycloakVersion}`), home);
  await rm(partial, { recursive: true });
  return unpacked === undefined ? { skipped: `Maven could not obtain ${artifact}` } : { home };
}

/** What the command wrote; undefined when it is not there or failed. */
async function run(command: string, args: readonly string[]): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, { timeout: downloadLimit });
    return stdout + stderr;
  } catch {
    return undefined;
  }
}

/** `openjdk version "17.0.15" 2025-04-15` -> 17; 0 when there is none. */
function javaVersion(text = ''): number {
  return Number(/version "(\d+)/.exec(text)?.[1] ?? 0);
}

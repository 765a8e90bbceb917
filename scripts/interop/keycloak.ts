// Starts a Keycloak on a free loopback port with a database in memory, and ends it. Ready when it says that it listens.
// Must never outlive the run: it is the leader of its own process group, and the whole group is ended.

import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { keycloakVersion } from './distribution.ts';

/** Longest time for a start, in milliseconds: the first one builds the server, which takes minutes on a busy machine. */
const startLimit = 480_000;

/** Time for an orderly end, in milliseconds, before it is cut. */
const stopLimit = 15_000;

/** Last lines of its log that are shown when it does not start. */
const keptLines = 20;

/** Small and quick to start: it serves one test at a time. */
const javaOptions = '-Xms64m -Xmx512m -XX:MaxMetaspaceSize=256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1';

export interface Keycloak {
  readonly url: string;
  readonly version: string;
  /** Of the bootstrap administrator `admin`. */
  readonly adminPassword: string;
  stop(): Promise<void>;
}

export interface KeycloakOptions {
  readonly home: string;
  /** Features besides those that are on by default. */
  readonly features: readonly string[];
}

/** @throws Error with the last lines of its log when it does not start */
export async function startKeycloak({ home, features }: KeycloakOptions): Promise<Keycloak> {
  const adminPassword = randomBytes(16).toString('hex');
  const options = ['--db=dev-mem', '--http-host=127.0.0.1', '--http-port=0', ...chosen(features)];
  const server = spawn(join(home, 'bin', 'kc.sh'), ['start-dev', ...options], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      JAVA_OPTS: javaOptions,
      KC_BOOTSTRAP_ADMIN_USERNAME: 'admin',
      KC_BOOTSTRAP_ADMIN_PASSWORD: adminPassword,
    },
  });
  const stop = stopper(server);
  try {
    const url = await listening(server);
    return { url, version: keycloakVersion, adminPassword, stop };
  } catch (failure) {
    await stop();
    throw failure;
  }
}

function chosen(features: readonly string[]): readonly string[] {
  return features.length === 0 ? [] : [`--features=${features.join(',')}`];
}

/** The address it says that it listens on. Its log is read to the end, so that it never waits for a reader. */
function listening(server: ChildProcess): Promise<string> {
  const { stdout } = server;
  if (stdout === null) throw new TypeError('no log to read');
  const last: string[] = [];
  return new Promise((resolve, reject) => {
    const refuse = (what: string) => reject(new Error([`Keycloak ${what}`, ...last].join('\n  ')));
    const limit = setTimeout(() => refuse(`did not start within ${startLimit / 1_000}s`), startLimit);
    const settle = (then: () => void) => {
      clearTimeout(limit);
      then();
    };
    createInterface(stdout).on('line', (line) => {
      last.push(line);
      if (last.length > keptLines) last.shift();
      const url = /Listening on: (http:\/\/[\w.:]+[\w])/.exec(line)?.[1];
      if (url !== undefined) settle(() => resolve(url));
    });
    server.once('error', (failure) => settle(() => refuse(`could not be run: ${failure.message}`)));
    server.once('exit', (code) => settle(() => refuse(`ended with ${code}`)));
  });
}

function stopper(server: ChildProcess): () => Promise<void> {
  return async function stop() {
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    end(server, 'SIGTERM');
    const cut = setTimeout(() => end(server, 'SIGKILL'), stopLimit);
    await ended;
    clearTimeout(cut);
  };
}

function end({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid !== undefined) process.kill(-pid, signal);
}

// Commands as people run them: a process of its own, with what it printed and how it ended.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Test } from 'tap';

const cli = join(import.meta.dirname, '../../src/cli.ts');

/** Compiled code of earlier runs: half of what a command costs. */
const compiled = join(import.meta.dirname, '../../.tap/compiled');

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  /** What was printed on either stream, as soon as `pattern` matches it. Rejects when the process ends before. */
  printed(stream: 'stdout' | 'stderr', pattern: RegExp): Promise<RegExpExecArray>;
  signal(name: NodeJS.Signals): void;
  readonly ended: Promise<Ended>;
}

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What is run instead of `src/cli.ts`. */
  readonly program?: string;
}

/** Starts `postern ...args`; it is killed when the test ends. */
export function start(
  t: Test,
  args: readonly string[],
  { env = {}, cwd, program = cli }: CommandOptions = {},
): Running {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(process.execPath, [program, ...args], {
    env: { PATH, HOME, NODE_COMPILE_CACHE: compiled, ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  t.teardown(() => child.kill('SIGKILL'));
  const texts = { stdout: '', stderr: '' };
  const looking = new Set<() => void>();
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream].setEncoding('utf8').on('data', (chunk: string) => {
      texts[stream] += chunk;
      for (const look of looking) look();
    });
  }
  const ended = end(child, texts);
  return {
    ended,
    signal: (name) => child.kill(name),
    printed: (stream, pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = pattern.exec(texts[stream]);
          if (found === null) return;
          looking.delete(look);
          resolve(found);
        };
        looking.add(look);
        look();
        void ended.then(({ stdout, stderr }) => reject(new Error(`it ended without ${pattern}: ${stdout}${stderr}`)));
      }),
  };
}

async function end(child: ChildProcess, texts: { readonly stdout: string; readonly stderr: string }): Promise<Ended> {
  const [code] = await once(child, 'close');
  return { code, ...texts };
}

/** Runs `postern ...args` to its end. */
export function run(t: Test, args: readonly string[], options: CommandOptions = {}): Promise<Ended> {
  return start(t, args, options).ended;
}

/** What every mistake of a user must be: told in words, without a stack trace or an object's insides. */
export function assertPlain(t: Test, { stderr, stdout }: Ended): void {
  t.notMatch(`${stdout}${stderr}`, /\n\s+at |node:internal|\[object|\bundefined\b|unexpected failure|Error:/);
}

/** A port nobody listens on, for what has to be known before it starts. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

/** The quickstart on ports of its own, written into the test's folder. @returns the file */
export async function quickstart(t: Test, changes = ''): Promise<{ readonly file: string; readonly issuer: string }> {
  const issuer = `127.0.0.1:${await freePort()}`;
  const text = `version: 1
listen: { outbound: "127.0.0.1:0", admin: "127.0.0.1:0", drain_timeout: 5s }
trust:
  - name: local
    issuer: http://${issuer}
    audiences: [postern, "agent:planner"]
    principal: any
    workload_when: claims.sub_profile == "ai_agent"
exchanges:
  local:
    grant: token_exchange
    issuer: http://${issuer}
    client: { id: postern, auth: client_secret_basic, secret: quickstart-only }
routes:
  - name: whoami
    path: /whoami
    upstream: http://${issuer}/whoami
    exchange: local
    audience: whoami
    scopes: [profile.read]
    allow:
      - id: any-agent
        when: caller.kind == "workload"
sts:
  embedded:
    listen: ${issuer}
    clients:
      - { id: postern, secret: quickstart-only, may_exchange: true }
    audiences:
      - { id: whoami, scopes: [profile.read] }
    whoami: true
    insecure_mint: true
${changes}`;
  const folder = t.testdir({ 'postern.yaml': text });
  return { file: join(folder, 'postern.yaml'), issuer: `http://${issuer}` };
}

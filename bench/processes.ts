// Processes of a run: started on a core of their own, watched through /proc, ended with the run whatever happens.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Job } from './servers/job.ts';

/** What a proxy runs on, and what everything else runs on. On a machine with one core they share it. */
export const proxyCore = 0;
export const otherCore = availableParallelism() > 1 ? 1 : 0;

/** Longest wait for a process to be ready, in milliseconds. */
const readyTimeoutMs = 30_000;

const canPin = spawnSync('taskset', ['--version']).status === 0;
export const pinned = canPin && availableParallelism() > 1;

const live = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of live) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

export interface StartOptions {
  /** `any`: all there are. */
  readonly core: number | 'any';
  readonly env?: Readonly<Record<string, string>>;
  /** Flags of node itself. */
  readonly flags?: readonly string[];
  readonly cwd?: string;
}

export interface Running {
  readonly pid: number;
  /** What it said when it was ready. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** Sends a message and waits for the answer. */
  ask(message: object): Promise<Readonly<Record<string, unknown>>>;
  stop(): Promise<void>;
}

/** Any program; ready at once. */
export function startProgram(command: readonly string[], options: StartOptions): Running {
  const child = launch(command, options, false);
  return running(child, {});
}

/** A script of this folder, told its job, ready when it says so. */
export async function startScript(file: string, job: Job, options: StartOptions): Promise<Running> {
  const path = fileURLToPath(new URL(file, import.meta.url));
  const command = [process.execPath, ...(options.flags ?? []), path, JSON.stringify(job)];
  const child = launch(command, options, true);
  return running(child, await messageOf(child, readyTimeoutMs));
}

/** Ends when it is done; gives what it printed. */
export async function runProgram(command: readonly string[], options: StartOptions, seconds: number): Promise<string> {
  const child = launch(command, options, false, true);
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  const late = setTimeout(() => child.kill('SIGKILL'), seconds * 1_000);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(late);
  if (code !== 0) throw new Error(`${command[0]} ended with ${code}: ${text.slice(-500)}`);
  return text;
}

function launch(command: readonly string[], options: StartOptions, ipc: boolean, capture = false): ChildProcess {
  const bound = pinned && options.core !== 'any';
  const [program = '', ...args] = bound ? ['taskset', '-c', String(options.core), ...command] : command;
  // BENCH_DEBUG shows what the processes say.
  const shown = process.env['BENCH_DEBUG'] === undefined ? 'ignore' : 'inherit';
  const child = spawn(program, args, {
    stdio: ['ignore', capture ? 'pipe' : shown, shown, ...(ipc ? (['ipc'] as const) : [])],
    env: { ...process.env, NODE_ENV: 'production', ...options.env },
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  });
  live.add(child);
  child.once('close', () => live.delete(child));
  return child;
}

function running(child: ChildProcess, facts: Readonly<Record<string, unknown>>): Running {
  return {
    pid: child.pid ?? 0,
    facts,
    ask(message) {
      child.send(message);
      return messageOf(child, 120_000);
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const closed = new Promise((resolve) => child.once('close', resolve));
      child.kill('SIGTERM');
      const late = setTimeout(() => child.kill('SIGKILL'), 3_000);
      await closed;
      clearTimeout(late);
    },
  };
}

function messageOf(child: ChildProcess, timeoutMs: number): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error('a process of the bench did not answer')), timeoutMs);
    const gone = () => reject(new Error('a process of the bench ended'));
    child.once('close', gone);
    child.once('message', (message: Record<string, unknown>) => {
      clearTimeout(late);
      child.off('close', gone);
      resolve(message);
    });
  });
}

const ticksPerSecond = 100;

/** CPU time used so far by a process and its children, in microseconds: user and system, all threads. */
export function cpuMicroseconds(pid: number): number {
  return childrenOf(pid).reduce((sum, child) => sum + cpuMicroseconds(child), cpuIn(`/proc/${pid}/stat`));
}

/** CPU time used so far by one thread, in microseconds: user and system. */
export function threadMicroseconds(pid: number, thread: number): number {
  return cpuIn(`/proc/${pid}/task/${thread}/stat`);
}

function cpuIn(file: string): number {
  const stat = readFileSync(file, 'latin1');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return (ticks * 1e6) / ticksPerSecond;
}

/** A thread of a process, as the system knows it. */
export interface SystemThread {
  readonly id: number;
  readonly name: string;
}

export function threadsOf(pid: number): readonly SystemThread[] {
  return readdirSync(`/proc/${pid}/task`).map((id) => {
    return { id: Number(id), name: readFileSync(`/proc/${pid}/task/${id}/comm`, 'latin1').trim() };
  });
}

/** Resident memory of a process and its children, in KiB. */
export function residentKib(pid: number): number {
  const match = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  return childrenOf(pid).reduce((sum, child) => sum + residentKib(child), Number(match?.[1] ?? 0));
}

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);
}

/** Share of the machine's time that other machines on the same host took, since boot: (stolen, all) in ticks. */
export function stolen(): readonly [number, number] {
  const fields = (readFileSync('/proc/stat', 'latin1').split('\n', 1)[0] ?? '').split(/\s+/).slice(1).map(Number);
  return [fields[7] ?? 0, fields.reduce((sum, value) => sum + value, 0)];
}

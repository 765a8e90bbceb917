// Load on one endpoint for a while, over keep-alive connections: by wrk where it is installed, else by a small generator of our
// own (servers/load.ts; it takes more of its core, so the proxy gets less to do). Loopback only, bounded in time.

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { otherCore, runProgram } from './processes.ts';

/** Unless more are asked for. */
const usualConnections = 64;

export interface Work {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** File of subject tokens, one a line, taken in turn. */
  readonly subjects?: string;
  readonly connections?: number;
}

export interface Outcome {
  readonly requests: number;
  /** Answers that were not 200, and connections that broke. */
  readonly failures: number;
  readonly seconds: number;
  /** Latency in microseconds. Of little worth on a shared machine. */
  readonly p50: number;
  readonly p99: number;
}

export const hasWrk = spawnSync('wrk', ['-v']).error === undefined && process.env['BENCH_LOAD'] !== 'own';

export async function load(folder: string, work: Work, seconds: number): Promise<Outcome> {
  const { hostname } = new URL(work.url);
  if (hostname !== '127.0.0.1') throw new Error('load goes to this machine only');
  const output = hasWrk ? await runWrk(folder, work, seconds) : await runOwn(folder, work, seconds);
  const line = output.split('\n').find((each) => each.startsWith('{"requests"'));
  if (line === undefined) throw new Error(`no result of the load generator: ${output.slice(-300)}`);
  // Printed by our own scripts: the shape is known.
  return JSON.parse(line) as Outcome;
}

function runWrk(folder: string, work: Work, seconds: number): Promise<string> {
  const connections = String(work.connections ?? usualConnections);
  const script = join(folder, 'load.lua');
  writeFileSync(script, luaOf(work));
  const options = ['-t', '1', '-c', connections, '-d', `${seconds}s`, '--timeout', '20s', '-s', script];
  return runProgram(['wrk', ...options, work.url], { core: otherCore }, seconds + 30);
}

function runOwn(folder: string, work: Work, seconds: number): Promise<string> {
  const file = join(folder, 'load.json');
  writeFileSync(file, JSON.stringify({ connections: usualConnections, ...work, seconds }));
  const script = fileURLToPath(new URL('servers/load.ts', import.meta.url));
  return runProgram([process.execPath, script, file], { core: otherCore }, seconds + 30);
}

function luaOf({ headers, body, subjects }: Work): string {
  // ASCII text, and Lua reads the escapes of JSON strings.
  const quoted = (text: string) => JSON.stringify(text);
  const lines = Object.entries(headers).map(([name, value]) => `wrk.headers[${quoted(name)}] = ${quoted(value)}`);
  const turns =
    subjects === undefined
      ? ''
      : `
local made, turn = {}, 0
function init(args)
  for token in io.lines(${quoted(subjects)}) do
    wrk.headers['postern-subject-token'] = token
    made[#made + 1] = wrk.format()
  end
end
function request()
  turn = turn % #made + 1
  return made[turn]
end`;
  return `wrk.method = 'POST'
wrk.body = ${quoted(body)}
${lines.join('\n')}
${turns}
function done(summary, latency)
  local e = summary.errors
  io.write(string.format('{"requests":%d,"failures":%d,"seconds":%f,"p50":%d,"p99":%d}\\n', summary.requests,
    e.connect + e.read + e.write + e.status + e.timeout, summary.duration / 1e6, latency:percentile(50), latency:percentile(99)))
end`;
}

// Changes one byte of a closed audit file and has the real command say what it finds: `postern audit verify`, before and after.

import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const cli = join(import.meta.dirname, '../../src/cli.ts');

/** What is changed: the last letter of the user's name, as if somebody else had asked. */
const [was, is] = ['"sub":"user:alice"', '"sub":"user:alicf"'];

export interface Verification {
  readonly exitCode: number;
  /** What the command printed. */
  readonly said: string;
}

export interface Tampering {
  readonly file: string;
  /** Number of the line that was changed, from 1. */
  readonly line: number;
  readonly change: string;
  readonly before: Verification;
  readonly after: Verification;
}

/** @param file of a gate that was stopped. @throws when there is no call of the user's in it. */
export async function tamper(file: string): Promise<Tampering> {
  const before = await verify(file);
  const whole = readFileSync(file, 'utf8');
  const lines = whole.split('\n');
  const at = lines.findIndex((line) => line.includes('"postern.access.allowed"') && line.includes(was));
  if (at === -1) throw new Error(`no call of the user's in ${file}`);
  lines[at] = (lines[at] ?? '').replace(was, is);
  writeFileSync(file, lines.join('\n'));
  return { file, line: at + 1, change: `${was} -> ${is}`, before, after: await verify(file) };
}

function verify(file: string): Promise<Verification> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [cli, 'audit', 'verify', file, '--closed'], (_failed, stdout, stderr) => {
      resolve({ exitCode: child.exitCode ?? -1, said: `${stdout}${stderr}`.trim() });
    });
  });
}

// Tells the end of a TAP run: what failed, then `N passed, N failed`; fails when no test ran at all.
//   ci-summary.mjs LOG                  the summary
//   ci-summary.mjs LOG --failed-files   the files that failed, one a line
//   ci-summary.mjs LOG AGAIN            the summary of a run whose failed files ran again, alone, as AGAIN tells
// Plain JavaScript, since CI calls it with whatever Node the machine has.

import { readFileSync } from 'node:fs';

const [first, second] = process.argv.slice(2);
const log = readFileSync(first, 'utf8');

if (second === '--failed-files') {
  console.log(failedFiles(log).join('\n'));
} else {
  const again = second === undefined ? undefined : readFileSync(second, 'utf8');
  const run = closing(log);
  const rerun = again === undefined ? { passed: 0, failed: 0 } : closing(again);
  // Only a file that is seen to pass has passed: one that says nothing, since the second run broke off, has not.
  const stillFailing = failedFiles(log).filter((file) => again === undefined || !passedFiles(again).includes(file));
  const unsteady = failedFiles(log).filter((file) => !stillFailing.includes(file));
  const failed = again === undefined ? run.failed : Math.max(rerun.failed, stillFailing.length);
  for (const line of failures(again ?? log)) console.log(line);
  for (const file of unsteady) console.log(`unsteady: ${file} failed beside others and passed alone`);
  const passed = run.passed + (again === undefined ? 0 : Math.max(0, run.failed - failed));
  console.log(`${passed} passed, ${failed} failed`);
  process.exitCode = passed > 0 && failed === 0 && stillFailing.length === 0 ? 0 : 1;
}

function closing(text) {
  const last = [...text.matchAll(/^# \{ total: (\d+)(?:, pass: (\d+))?(?:, fail: (\d+))?/gm)].at(-1);
  return { passed: Number(last?.[2] ?? 0), failed: Number(last?.[3] ?? 0) };
}

function failedFiles(text) {
  return [...text.matchAll(/^not ok \d+ - (\S+\.test\.ts)/gm)].map(([, file]) => file);
}

function passedFiles(text) {
  return [...text.matchAll(/^ok \d+ - (\S+\.test\.ts)/gm)].map(([, file]) => file);
}

/** Each failed assertion with its file and the test it stands in, and what TAP says of it. */
function failures(text) {
  const lines = text.split('\n');
  const out = [];
  let file = '';
  for (const [at, line] of lines.entries()) {
    file = /^# Subtest: (\S+)/.exec(line)?.[1] ?? file;
    if (!/^ {8,}not ok /.test(line)) continue;
    out.push(`${file}: ${line.trim()}`);
    for (const detail of lines.slice(at + 1, at + 40)) {
      if (/^\s+\.\.\.$/.test(detail)) break;
      out.push(detail);
    }
  }
  return out;
}

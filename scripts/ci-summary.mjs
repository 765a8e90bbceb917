// Prints `N passed, N failed` from the closing line of a TAP run; fails when no test ran at all.
// Plain JavaScript, since CI calls it with whatever Node the machine has.

import { readFileSync } from 'node:fs';

const log = readFileSync(process.argv[2], 'utf8');
const closing = [...log.matchAll(/^# \{ total: (\d+)(?:, pass: (\d+))?(?:, fail: (\d+))?/gm)].at(-1);
const passed = Number(closing?.[2] ?? 0);
const failed = Number(closing?.[3] ?? 0);

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = passed > 0 && failed === 0 ? 0 : 1;

// Ids are what their standard says, differ from each other, and use every random bit they have.

import { test } from 'tap';
import { randomHex, randomUuid, timeUuid } from '../../src/base/random-ids.ts';

const at = 1_795_262_400_123;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f])[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

test('UUIDs have their version and variant, and none comes twice', (t) => {
  for (const [version, make] of [
    ['4', randomUuid],
    ['7', () => timeUuid(at)],
  ] as const) {
    const made = Array.from({ length: 2_000 }, make);
    t.equal(new Set(made).size, made.length);
    t.strictSame([...new Set(made.map((id) => uuid.exec(id)?.[1]))], [version]);
  }
  t.end();
});

test('a UUID of version 7 begins with its time', (t) => {
  const told = (ms: number) => Number.parseInt(timeUuid(ms).replace('-', '').slice(0, 12), 16);
  t.equal(told(at), at);
  t.equal(told(at + 0.9), at);
  t.equal(told(2 ** 48 - 1), 2 ** 48 - 1);
  t.equal(told(0), 0);
  t.equal(told(-1), 0);
  t.ok(timeUuid(at) < timeUuid(at + 1));
  t.end();
});

test('every bit that is random is sometimes set and sometimes not', (t) => {
  for (const [fixed, make] of [
    [6, randomUuid],
    [48 + 6, () => timeUuid(at)],
  ] as const) {
    const numbers = Array.from({ length: 500 }, () => BigInt(`0x${make().replaceAll('-', '')}`));
    const set = numbers.reduce((all, one) => all | one, 0n);
    const clear = numbers.reduce((all, one) => all & one);
    t.equal([...(set & ~clear).toString(2).padStart(128, '0')].filter((bit) => bit === '1').length, 128 - fixed);
  }
  t.end();
});

test('hexadecimal ids of any length, none of them twice', (t) => {
  const made = Array.from({ length: 2_000 }, () => randomHex(8));
  t.ok(made.every((id) => /^[0-9a-f]{16}$/.test(id)));
  t.equal(new Set(made).size, made.length);
  t.equal(randomHex(16).length, 32);
  t.end();
});

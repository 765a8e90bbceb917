// Times on a command line, spelled alike for all commands: an instant, `now`, or how long before or after now.
// Must never take for a time what only looks like one: Date.parse reads "5" as a day in May 2001.

import type { Clock } from '../base/ports.ts';

const unitMs: ReadonlyMap<string, number> = new Map([
  ['s', 1_000],
  ['m', 60_000],
  ['h', 3_600_000],
  ['d', 86_400_000],
]);

/** ISO 8601: a day, which begins at midnight UTC, or a time with its zone. */
const instant = /^\d{4}-\d{2}-\d{2}(?:T\S+(?:Z|[+-]\d{2}:\d{2}))?$/;

/**
 * @param direction which way a length of time (`30m`, `2h`, `7d`) is counted from now
 * @returns ISO 8601 in UTC; undefined for what is no time
 */
export function instantOf(text: string, direction: 'ago' | 'ahead', clock: Clock): string | undefined {
  const at = millisecondsOf(text, direction, clock.now());
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}

function millisecondsOf(text: string, direction: 'ago' | 'ahead', now: number): number {
  if (text === 'now') return now;
  if (instant.test(text)) return Date.parse(text);
  const ms = unitMs.get(text.slice(-1));
  if (ms === undefined || !/^\d{1,6}.$/.test(text)) return Number.NaN;
  const length = Number(text.slice(0, -1)) * ms;
  return direction === 'ago' ? now - length : now + length;
}

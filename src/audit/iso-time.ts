// Points in time as records have them: ISO 8601 in UTC, with milliseconds. The same text as a date gives, which took 0.7 us
// of every record.

/** The second told last, and its text up to the milliseconds: most records come in the same one. */
let second = Number.NaN;
let upToSecond = '';

/** @param ms since the epoch. @throws RangeError beyond what a date can be */
export function isoTime(ms: number): string {
  const whole = Math.trunc(ms);
  const of = Math.floor(whole / 1_000);
  if (of !== second) {
    upToSecond = new Date(of * 1_000).toISOString().slice(0, -4);
    second = of;
  }
  const rest = whole - of * 1_000;
  return `${upToSecond}${rest < 10 ? '00' : rest < 100 ? '0' : ''}${rest}Z`;
}

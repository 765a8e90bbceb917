// Whether each vendor's credential lived as long as the vendor says, told by the gate's record and by what the vendor itself knows.

import { type Check, check } from '../checks.ts';
import type { Life } from './lifetimes.ts';
import type { Row } from './rows.ts';

/** One fact for each API whose credential ends. */
export function checkLifetimes(rows: readonly Row[]): readonly Check[] {
  return rows.flatMap((row) => {
    const { title, lives } = row.vendor;
    if (lives === undefined) return [];
    const lengths = livesOf(row);
    const holds = lengths.length > 0 && lengths.every((life) => life !== undefined && lives.holds(life));
    return [check(`${title}: ${lives.text} (${lengths[0]?.lifetime ?? '?'} s)`, holds)];
  });
}

/** Of every call, that of the credential it was made with; undefined where one side does not know. */
function livesOf({ records, arrivals }: Row): readonly (Life | undefined)[] {
  return records.map(({ credential }, at) => {
    const lifetime = credential?.lifetime_s;
    const { claims, expiresAt } = arrivals[at]?.genuine ?? {};
    if (lifetime === undefined || expiresAt === undefined) return undefined;
    return { lifetime, expiresAt, issuedAt: expiresAt - lifetime, subjectEndsAt: claims?.exp };
  });
}

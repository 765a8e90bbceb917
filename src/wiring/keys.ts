// Keys of the gate's own that everything carrying its calls must have in common, whatever thread it is in: what one makes,
// another must know again. Made anew at each start; they outlive a reload.

import { randomBytes } from 'node:crypto';
import { Secret } from '../base/secret.ts';
import type { Config } from '../config/schema.ts';

const bytes = 32;

export interface Keys {
  /** Of pseudonyms in spans and records. */
  readonly subjects: Secret;
  /** Of the seals on MCP sessions. */
  readonly sessions: Uint8Array;
}

export function createKeys({ telemetry }: Pick<Config, 'telemetry'>): Keys {
  return {
    subjects: telemetry.subject_key ?? new Secret(randomBytes(bytes).toString('base64url')),
    sessions: randomBytes(bytes),
  };
}

// Configuration of the audit log: shapes and defaults, and which of them do not go together.
// Must never hold the signing key in the clear: it is a Secret from parsing on.

import * as z from 'zod';
import { configPath } from '../base/config-path.ts';
import { byteSize, duration, secretValue } from '../base/scalars.ts';
import { readSigningKey } from './signing-key.ts';

const checkpoints = z
  .strictObject({
    records: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(1_000)
      .describe('Most records between two checkpoints: as many may be cut off the end unnoticed.'),
    interval: duration
      .refine((ms) => ms >= 1_000 && ms <= 86_400_000, 'is not between 1s and 24h')
      .prefault('1m')
      .describe('Longest time a record waits for the next checkpoint.'),
  })
  .prefault({});

const rotation = z
  .strictObject({
    size: byteSize
      .refine((bytes) => bytes >= 65_536, 'is less than 64KiB')
      .prefault('256MiB')
      .describe('Size at which a file is set aside and the next one begun.'),
    age: duration
      .refine((ms) => ms >= 60_000, 'is less than 1m')
      .prefault('24h')
      .describe('Age at which a file is set aside and the next one begun.'),
  })
  .prefault({});

export const auditSchema = z
  .strictObject({
    sink: z.enum(['stdout', 'file']).default('stdout').describe('Where audit records are written, one JSON line each.'),
    file: configPath
      .optional()
      .describe('File that audit records are appended to, for `sink: file`. One gate, one file.'),
    subject: z
      .enum(['pseudonymous', 'raw', 'omit'])
      .default('pseudonymous')
      .describe(
        'How users appear in audit records: an HMAC pseudonym (telemetry.subject_key), as they are, or not at all.',
      ),
    durability: z
      .enum(['async', 'before_response'])
      .default('async')
      .describe(
        '`before_response`: the decision is on disk before a credential is asked for or the upstream is called. `async`: records follow at once, but nothing waits for them.',
      ),
    fail: z
      .enum(['closed', 'open'])
      .default('closed')
      .describe(
        'When records cannot be written: refuse the calls that policy allows (503), or let them through, counted and logged.',
      ),
    signing_key: secretValue
      .refine((key) => readSigningKey(key) !== undefined, {
        error: 'is no Ed25519 or P-256 private key; make one with `openssl genpkey -algorithm ed25519`',
      })
      .optional()
      .describe(
        'Private key that signs the checkpoints, PKCS#8 PEM or JWK, Ed25519 or P-256; without one they are not signed.',
      ),
    checkpoints: checkpoints.describe('How often the log states how far it has come.'),
    rotation: rotation.describe('When the file is set aside, under a name with its time and first number.'),
    otlp: z
      .boolean()
      .default(false)
      .describe(
        'Also send a copy of every record to the collector of `telemetry`, as an OTLP log record. Best effort: no call waits for it or is refused because of it, and the log itself is what `sink` names.',
      ),
    ocsf: z
      .boolean()
      .default(false)
      .describe('Also write the OCSF class, activity and status of each record, for SIEMs.'),
  })
  .superRefine((value, ctx) => {
    const problem = (path: string, message: string) => ctx.addIssue({ code: 'custom', path: [path], message });
    if (value.sink === 'file' && value.file === undefined) {
      problem('file', 'is missing: sink file needs the path to append to');
    }
    if (value.sink === 'stdout' && value.file !== undefined) {
      problem('file', 'has no effect with sink stdout; write sink: file');
    }
    if (value.sink === 'stdout' && value.durability === 'before_response') {
      problem(
        'durability',
        'before_response needs `sink: file`: what standard output takes, or a collector, is on no disk yet',
      );
    }
  })
  .prefault({});

export type AuditConfig = z.output<typeof auditSchema>;
export type SubjectForm = AuditConfig['subject'];

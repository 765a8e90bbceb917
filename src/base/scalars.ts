// Scalar types of the configuration, shared by every feature's schema: durations, sizes, secrets, URLs.
// Parsing turns them into the unit the code works with (milliseconds, bytes, Secret, URL), once, at load.

import * as z from 'zod';
import { Secret } from './secret.ts';

const durationUnits: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const sizeUnits: Record<string, number> = { B: 1, KiB: 1_024, MiB: 1_048_576, GiB: 1_073_741_824 };

/** Longest path of a unix socket, in bytes (`sun_path` of Linux, without its end). */
export const maxSocketPath = 107;

/** `500ms`, `30s`, `10m`, `1h`, `2d` -> milliseconds. */
export const duration = z
  .string()
  .regex(/^\d{1,9}(ms|s|m|h|d)$/, 'is not a duration; write a number and a unit, such as 500ms, 30s, 10m or 1h')
  .transform((text) => {
    const unit = /[a-z]+$/.exec(text)?.[0] ?? '';
    return Number.parseInt(text, 10) * (durationUnits[unit] ?? Number.NaN);
  })
  .meta({ type: 'string', title: 'duration', examples: ['500ms', '30s', '10m'] });

/** Longest time a timer of the runtime waits, in milliseconds: it takes a longer one for one millisecond. */
export const longestWait = 2_147_483_647;

/** A duration that something waits for: `365d`, meant as no limit, would be none at all. */
export const wait = duration.refine((ms) => ms <= longestWait, 'is longer than a timer can wait; write 24d or less');

/** `64KiB`, `1MiB` -> bytes. */
export const byteSize = z
  .string()
  .regex(/^\d{1,9}(B|KiB|MiB|GiB)$/, 'is not a size; write a number and a unit, such as 512B, 64KiB or 1MiB')
  .transform((text) => {
    const unit = /[A-Za-z]+$/.exec(text)?.[0] ?? '';
    return Number.parseInt(text, 10) * (sizeUnits[unit] ?? Number.NaN);
  })
  .meta({ type: 'string', title: 'size', examples: ['64KiB', '1MiB'] });

/** A secret value; written as `${env:NAME}` or `${file:/path}`, kept as a Secret from here on. */
export const secretValue = z
  .string()
  .min(1, 'is empty')
  .transform((text) => new Secret(text))
  .meta({ type: 'string', title: 'secret', examples: ['${env:CLIENT_SECRET}', '${file:/run/secrets/client}'] });

/** An absolute http or https URL without userinfo, query or fragment. */
export const httpUrl = z
  .string()
  .refine(
    isPlainHttpUrl,
    'is not an absolute http(s) URL without credentials, query or fragment, such as https://api.example.com/v1',
  )
  .meta({ title: 'URL', examples: ['https://api.example.com/v1'] });

/** A short name used in spans, audit and other parts of the configuration. */
export const identifier = z
  .string()
  .regex(
    /^[a-z][a-z0-9_-]{0,62}$/,
    'is not a name; use lower-case letters, digits, "-" and "_", starting with a letter',
  )
  .meta({ title: 'name' });

/** A scope value: RFC 6749 section 3.3, scope-token. */
export const scopeToken = z
  .string()
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/, 'is not a scope value (printable characters without spaces or quotes)');

function isPlainHttpUrl(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  const plain = url.username === '' && url.password === '' && url.search === '' && url.hash === '';
  return plain && (url.protocol === 'https:' || url.protocol === 'http:');
}

/** Whether plain http to this URL stays on this machine (literal loopback only: names can be made to resolve elsewhere). */
export function isLoopback(url: URL): boolean {
  return url.hostname === '127.0.0.1' || url.hostname === '[::1]';
}

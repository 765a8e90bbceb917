// AWS credentials: an access key of two halves and a session token, kept as one Secret that holds canonical JSON, so that a
// credential stays one value to cache, compare by fingerprint and hand between threads, whatever signs with it later.
// Must never be placed on a request as it is: it is what signatures are made with.

import * as z from 'zod';
import { Secret } from './secret.ts';

export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** undefined for the long-lived keys of an IAM user. */
  readonly sessionToken?: string | undefined;
}

/** Longest session token taken, in characters: STS says not to assume a size; more does not fit in a header block. */
const maxSessionToken = 16 * 1024;

/** Visible ASCII without quotes: all of it is written into header lines and signatures. */
const visible = (max: number) => z.string().regex(new RegExp(String.raw`^[\x21\x23-\x5b\x5d-\x7e]{1,${max}}$`));

const keysShape = z.strictObject({
  // sts accessKeyIdType: 16 to 128 word characters (API reference, "Credentials").
  accessKeyId: z.string().regex(/^\w{16,128}$/),
  secretAccessKey: visible(256),
  sessionToken: visible(maxSessionToken).optional(),
});

/** undefined for values no request can be signed with. */
export function checkedAwsKeys(keys: { readonly [name in keyof AwsKeys]: unknown }): AwsKeys | undefined {
  return keysShape.safeParse(keys).data;
}

/** The same for parts that are secrets each. */
export function awsKeysOfParts(id: string, key: Secret, token: Secret | undefined): AwsKeys | undefined {
  return checkedAwsKeys({ accessKeyId: id, secretAccessKey: key.reveal(), sessionToken: token?.reveal() });
}

export function secretOfAwsKeys({ accessKeyId, secretAccessKey, sessionToken }: AwsKeys): Secret {
  return new Secret(JSON.stringify({ accessKeyId, secretAccessKey, sessionToken }));
}

/** Read once for each credential and given up with it. */
const known = new WeakMap<Secret, AwsKeys>();

/** undefined for a secret that is something else. */
export function awsKeysOf(secret: Secret): AwsKeys | undefined {
  const before = known.get(secret);
  if (before !== undefined) return before;
  const keys = keysShape.safeParse(parsed(secret)).data;
  if (keys !== undefined) known.set(secret, keys);
  return keys;
}

function parsed(secret: Secret): unknown {
  try {
    return JSON.parse(secret.reveal());
  } catch {
    return undefined;
  }
}

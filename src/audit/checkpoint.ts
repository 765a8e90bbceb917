// Checkpoints: from time to time the log states how far it has come, signed with the operator's key (JWS, RFC 7515). Since
// each line has the digest of the one before it, one signature stands for every line up to it, in every segment before it.
// Nothing here protects what came after the last checkpoint; `verify` says how much that is.

import type { Json } from '../principal.ts';
import { isObject } from './line.ts';
import type { PublicKey, SigningKey } from './signing-key.ts';

/** Why one is made: often enough, long enough ago, or the end of a file or of the gate. */
export const checkpointReasons = ['interval', 'rotated', 'closed'] as const;
export type CheckpointReason = (typeof checkpointReasons)[number];

/** What a checkpoint states: that the line `seq` of the log has this digest. */
export interface Statement {
  readonly segment: string;
  readonly seq: number;
  readonly hash: string;
  /** ISO 8601, UTC. */
  readonly time: string;
  readonly reason: CheckpointReason;
}

/** Tells these signatures apart from any other use of the key (RFC 8725 section 3.11). */
const type = 'postern-audit-checkpoint';

/** JWS Compact Serialization. */
export function signStatement(key: SigningKey, { segment, seq, hash, time, reason }: Statement): string {
  const header = encode({ alg: key.alg, kid: key.kid, typ: type });
  const input = `${header}.${encode({ segment, seq, hash, time, reason })}`;
  return `${input}.${key.sign(input).toString('base64url')}`;
}

export type SignatureFinding = 'unreadable' | 'unknown_key' | 'invalid' | 'says_otherwise';

/** @returns undefined when one of the keys signed exactly this statement. */
export function findInSignature(
  jws: string,
  stated: Statement,
  keys: readonly PublicKey[],
): SignatureFinding | undefined {
  const [header = '', payload = '', signature = '', more] = jws.split('.');
  const { alg, kid, typ } = decode(header);
  if (more !== undefined || typ !== type || typeof kid !== 'string') return 'unreadable';
  const key = keys.find((one) => one.kid === kid);
  if (key === undefined) return 'unknown_key';
  // The algorithm is the key's, never the header's (RFC 8725 section 3.1).
  const signed = alg === key.alg && key.verify(`${header}.${payload}`, Buffer.from(signature, 'base64url'));
  if (!signed) return 'invalid';
  const said = decode(payload);
  const same = (['segment', 'seq', 'hash', 'time', 'reason'] as const).every((name) => said[name] === stated[name]);
  return same ? undefined : 'says_otherwise';
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(part: string): { readonly [name: string]: Json } {
  try {
    const value: Json = JSON.parse(Buffer.from(part, 'base64url').toString());
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

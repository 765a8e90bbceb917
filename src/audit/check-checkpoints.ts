// Whether the checkpoints say what the log says, are signed by a key that is trusted, and come as often as the log promises.
// One valid signature stands for every line up to it; what comes after the last is told, not guarded.

import type { JsonObject } from '../principal.ts';
import type { ReportLine } from './check-links.ts';
import { checkpointReasons, findInSignature, type SignatureFinding, type Statement } from './checkpoint.ts';
import { type Header, headerEvent, readHeader } from './header.ts';
import { isObject, type ReadLine } from './line.ts';
import type { PublicKey } from './signing-key.ts';

export interface CheckpointCheck {
  /** Only for lines the chain goes on from. */
  check(line: ReadLine, report: ReportLine): void;
  summary(): CheckpointSummary;
}

export interface CheckpointSummary {
  readonly checkpoints: number;
  readonly signed: number;
  /** The last one that a trusted key signed. */
  readonly lastTrusted: { readonly seq: number; readonly time: string } | undefined;
  /** The last line of all is the last checkpoint of a gate that was stopped in order. */
  readonly closed: boolean;
}

const told: Record<SignatureFinding, string> = {
  unreadable: 'has a signature that is none',
  unknown_key: 'is signed with a key that is not among those given',
  invalid: 'has a signature that is not of this key',
  says_otherwise: 'has a signature of something else: it was moved here',
};

/** @param keys none: signatures are counted, not checked. */
export function createCheckpointCheck(keys: readonly PublicKey[]): CheckpointCheck {
  let segment = '';
  let promised = Number.POSITIVE_INFINITY;
  let since = 0;
  let checkpoints = 0;
  let signed = 0;
  let lastTrusted: CheckpointSummary['lastTrusted'];
  let closed = false;

  function beginSegment({ id = '', checkpointRecords = Number.POSITIVE_INFINITY }: Header): void {
    segment = id;
    promised = checkpointRecords;
  }

  /** @param here whether it stands where it says. */
  function checkSignature(
    signature: string | undefined,
    statement: Statement,
    here: boolean,
    report: ReportLine,
  ): void {
    if (signature === undefined) {
      if (lastTrusted !== undefined) report('is a checkpoint without a signature, after others with one');
      return;
    }
    signed += 1;
    if (keys.length === 0) return;
    const finding = findInSignature(signature, statement, keys);
    if (finding === undefined && here) lastTrusted = { seq: statement.seq, time: statement.time };
    if (finding !== undefined) report(`is a checkpoint that ${told[finding]}`);
  }

  function checkStatement(line: ReadLine, report: ReportLine): void {
    const stated = readStatement(line.record);
    if (stated === undefined) {
      report('is a checkpoint that states nothing');
      return;
    }
    const { statement, signature } = stated;
    const here = statement.seq === line.seq - 1 && statement.hash === line.prev && statement.segment === segment;
    if (!here) report('is a checkpoint of another place');
    checkSignature(signature, statement, here, report);
    closed = statement.reason === 'closed';
  }

  return {
    check(line, report) {
      const { event } = line.record;
      closed = false;
      if (event === 'postern.audit.checkpoint') {
        checkpoints += 1;
        since = 0;
        checkStatement(line, report);
        return;
      }
      if (event === headerEvent) beginSegment(readHeader(line));
      else if (event !== 'postern.audit.lost') since += 1;
      if (since === promised + 1) report(`has no checkpoint before it, though one belongs after ${promised} records`);
    },
    summary: () => ({ checkpoints, signed, lastTrusted, closed }),
  };
}

function readStatement({
  checkpoint,
  time,
}: JsonObject): { statement: Statement; signature: string | undefined } | undefined {
  if (!isObject(checkpoint) || typeof time !== 'string') return undefined;
  const { segment, seq, hash, signature } = checkpoint;
  const reason = checkpointReasons.find((known) => known === checkpoint['reason']);
  if (typeof segment !== 'string' || typeof seq !== 'number' || typeof hash !== 'string') return undefined;
  if (reason === undefined || (signature !== undefined && typeof signature !== 'string')) return undefined;
  return { statement: { segment, seq, hash, time, reason }, signature };
}

// Everything that is said between the main thread and a worker: types only. All of it stays in this process.
// What carries a secret says so; none of these is ever logged.

import type { MetricData } from '@opentelemetry/sdk-metrics';
import type { AuditAcknowledgement, AuditBatch } from '../../audit/handed.ts';
import type { Log } from '../../base/ports.ts';
import type { Member } from '../../exchange/cache.ts';
import type { Answer, Landing, Want } from '../../exchange/handover.ts';
import type { ListenAddress } from '../../listeners/address.ts';
import type { EndedCounts } from '../../revocation/enforcement.ts';
import type { Entry } from '../../revocation/entry.ts';
import type { IssuedToken } from '../../telemetry/correlation.ts';
import type { Readiness } from '../readiness.ts';

/** One configuration, as a worker compiles it. */
export interface Edition {
  /** Counts configurations from the start of the gate. */
  readonly number: number;
  /** The configuration file. */
  readonly file: string;
  /** Path and text of all that was read for it. Secret. */
  readonly files: readonly (readonly [path: string, text: string])[];
}

/** What a worker begins with. */
export interface WorkerStart {
  /** 1, 2, 3 ... */
  readonly worker: number;
  readonly edition: Edition;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly address: ListenAddress;
  /** Key of pseudonyms. Secret. */
  readonly subjects: string;
  /** Key of the seals on MCP sessions. Secret. */
  readonly sessions: Uint8Array;
  /** What is revoked in this gate: the list may have lost some of it by now. */
  readonly revoked: readonly Entry[] | undefined;
}

/** What a worker is asked, and what it answers. */
export interface Questions {
  /** Compile this edition, without using it. Answers with the version of its policy. */
  readonly prepare: { readonly asked: { readonly edition: Edition }; readonly answer: string };
  /** Use what was prepared. */
  readonly commit: { readonly asked: { readonly edition: number }; readonly answer: null };
  readonly readiness: { readonly asked: object; readonly answer: Readiness };
  readonly collect: { readonly asked: object; readonly answer: readonly MetricData[] };
  /** Read the list of what is revoked: answered when it is in force. */
  readonly revocations: { readonly asked: object; readonly answer: null };
  /** Drain, hand over what is recorded, end. */
  readonly stop: { readonly asked: object; readonly answer: null };
}

export type Question = keyof Questions;

export type Asked = {
  readonly [Q in Question]: { readonly kind: Q; readonly id: number } & Questions[Q]['asked'];
}[Question];

/** From the main thread. */
export type Order =
  | Asked
  /** Answered with `alive`, by any worker whose event loop turns. */
  | { readonly kind: 'beat' }
  /** What was prepared is not to be used. */
  | { readonly kind: 'abandon'; readonly edition: number }
  | { readonly kind: 'acknowledged'; readonly acknowledgement: AuditAcknowledgement }
  /** A token was issued in another worker. */
  | { readonly kind: 'issued'; readonly token: IssuedToken }
  /** To a `want`. May carry a secret. */
  | { readonly kind: 'answered'; readonly edition: number; readonly id: number; readonly answer: Answer }
  | { readonly kind: 'drop'; readonly edition: number; readonly key: string; readonly fingerprint: string }
  | { readonly kind: 'forget'; readonly edition: number; readonly member: Member };

/** From a worker. */
export type Report =
  /** Calls can come. */
  | { readonly kind: 'listening' }
  | { readonly kind: 'alive' }
  /** To a question; `value` is the answer of its kind. */
  | { readonly kind: 'done'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly problem: string }
  | { readonly kind: 'log'; readonly level: keyof Log; readonly facts: object; readonly message: string }
  | { readonly kind: 'audit'; readonly batch: AuditBatch }
  /** A token was issued here: digests only. */
  | { readonly kind: 'issued'; readonly token: IssuedToken }
  /** What ended here because of an entry of the list of revocations. */
  | { readonly kind: 'ended'; readonly id: string; readonly counts: EndedCounts }
  | { readonly kind: 'want'; readonly edition: number; readonly want: Want }
  /** May carry a secret. */
  | { readonly kind: 'landed'; readonly edition: number; readonly landing: Landing }
  | { readonly kind: 'forget'; readonly edition: number; readonly member: Member }
  /** It has let go of the gate of this edition. */
  | { readonly kind: 'closed'; readonly edition: number };

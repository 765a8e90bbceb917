// Where audit records go: appended to a file, or to standard output, a batch of lines for each write.
// A record that cannot be written is counted and told, never silently lost; one that is waiting is never reordered.
// Must never block a call: writes are asynchronous, and what waits for a stuck disk is bounded.

import { openSync } from 'node:fs';
import { pino } from 'pino';
import type { Log } from '../base/ports.ts';
import type { AuditConfig } from './schema.ts';

/** Bytes waiting for the disk or the pipe; stops a full one from filling memory. Lines beyond it count as failed. */
const maxWaiting = 16 * 1_048_576;

/** Lines go out at once; anything above 0 makes the writer's flush wait for the disk. */
const minLength = 1;

const standardOutput = 1;

/** A place for audit records. Small, so that others (hash chain, spool, syslog) can stand behind it. */
export interface AuditSink {
  /** @param line one JSON document, without its newline. Throws when it cannot take it. */
  write(line: string): void;
  /** Resolves when all written before is on disk, rejects when it cannot be. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export interface AuditSinkOptions {
  readonly audit: AuditConfig;
  /** Told once for each record lost after `write` took it. */
  readonly lost: () => void;
  readonly log: Log;
}

/** Throws when the file cannot be opened for appending: a gate that cannot keep its audit log does not start. */
export function openAuditSink({ audit, lost, log }: AuditSinkOptions): AuditSink {
  const fd = audit.sink === 'file' && audit.file !== undefined ? openSync(audit.file, 'a', 0o600) : standardOutput;
  const writer = pino.destination({ fd, sync: false, minLength, maxLength: maxWaiting });
  let failing = false;

  function fail(err: Error | undefined, message: string): void {
    if (!failing) log.error({ err }, message);
    failing = true;
  }
  writer.on('drop', () => {
    lost();
    fail(undefined, 'audit: records are lost, too many wait to be written');
  });
  writer.on('write', () => {
    failing = false;
  });
  // The writer keeps what it could not write and tries again with the next record.
  writer.on('error', (error: Error) => fail(error, 'audit: records are not written'));

  function flush(): Promise<void> {
    return new Promise((resolve, reject) => {
      writer.flush((error?: Error) =>
        error === undefined || error === null || isNoFile(error) ? resolve() : reject(error),
      );
    });
  }

  return {
    write(line) {
      writer.write(`${line}\n`);
    },
    flush,
    async close() {
      await flush();
      if (fd === standardOutput) return;
      await new Promise<void>((resolve, reject) => {
        writer.once('close', resolve);
        writer.once('error', reject);
        writer.end();
      });
    },
  };
}

/** Pipes and terminals cannot be synced; nothing is lost by that. */
function isNoFile(error: Error): boolean {
  return 'code' in error && (error.code === 'EINVAL' || error.code === 'ENOTSUP' || error.code === 'EROFS');
}

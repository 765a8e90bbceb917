// Where audit records go: appended to a file, or to standard output.
// Must never block a call: writes are asynchronous, but for the last ones of a process that exits without closing.

import { close, fdatasync, openSync, write, writeSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Log } from '../base/ports.ts';
import { createAppender } from './audit-appender.ts';
import type { AuditConfig } from './schema.ts';

const standardOutput = 1;

/** A place for audit records. Small, so that others (hash chain, spool, syslog) can stand behind it. */
export interface AuditSink {
  /** @param line one JSON document, without its newline. Throws when it cannot take it: the record is lost then. */
  write(line: string): void;
  /** Resolves when all taken so far is on disk, rejects when it is not. */
  flush(): Promise<void>;
  /** Flushes and gives the file back. Rejects when records are lost by that. */
  close(): Promise<void>;
}

export interface AuditSinkOptions {
  readonly audit: AuditConfig;
  readonly log: Log;
}

/** Throws when the file cannot be opened for appending: a gate that cannot keep its audit log does not start. */
export function openAuditSink({ audit, log }: AuditSinkOptions): AuditSink {
  const fd = audit.sink === 'file' && audit.file !== undefined ? openSync(audit.file, 'a', 0o600) : standardOutput;
  const appender = createAppender({ write: (bytes, done) => write(fd, bytes, 0, bytes.length, null, done), log });
  const writeRest = () => {
    try {
      const rest = appender.rest();
      if (rest.length > 0) writeSync(fd, rest);
    } catch (failure) {
      log.error({ err: failure }, 'audit: the last records are lost');
    }
  };
  process.once('exit', writeRest);
  return {
    write: appender.append,
    flush: () => appender.drained().then(() => sync(fd)),
    async close() {
      process.off('exit', writeRest);
      try {
        await appender.drained().then(() => sync(fd));
      } finally {
        if (fd !== standardOutput) await promisify(close)(fd);
      }
    },
  };
}

/** Pipes and terminals cannot be synced; nothing is lost by that. */
async function sync(fd: number): Promise<void> {
  try {
    await promisify(fdatasync)(fd);
  } catch (failure) {
    const noFile =
      failure instanceof Error && 'code' in failure && ['EINVAL', 'ENOTSUP', 'EROFS'].includes(String(failure.code));
    if (!noFile) throw failure;
  }
}

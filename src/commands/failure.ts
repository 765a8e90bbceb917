// What people are told when a command fails: one clear message, every configuration problem with its place, no stack trace
// unless POSTERN_DEBUG asks for it.

import { ConfigError } from '../config/load.ts';

/** The command line itself was wrong: the message is followed by the usage text, exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** Something the user can mend; the message says what and how. */
export class CommandError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandError';
  }
}

export function describeFailure(failure: unknown): string {
  if (failure instanceof ConfigError) return failure.message;
  if (failure instanceof UsageError || failure instanceof CommandError) return `postern: ${failure.message}`;
  if (isParseArgsError(failure)) return `postern: ${failure.message}`;
  if (isBindError(failure)) return `postern: ${bindMessage(failure)}`;
  if (isFileError(failure)) return `postern: cannot use the file ${failure.path} (${failure.code})`;
  if (process.env['POSTERN_DEBUG'] !== undefined && failure instanceof Error) return failure.stack ?? failure.message;
  const what = failure instanceof Error ? `${failure.name}: ${failure.message}` : String(failure);
  return `postern: unexpected failure: ${what}\nSet POSTERN_DEBUG=1 to see where.`;
}

/** Whether the command line itself was wrong, by our own word or by that of the parser. */
export function isUsageError(failure: unknown): boolean {
  return failure instanceof UsageError || isParseArgsError(failure);
}

function isParseArgsError(failure: unknown): failure is Error {
  return failure instanceof TypeError && 'code' in failure && String(failure.code).startsWith('ERR_PARSE_ARGS');
}

interface BindError extends Error {
  readonly code: string;
  readonly address?: string;
  readonly port?: number;
}

function isBindError(failure: unknown): failure is BindError {
  return failure instanceof Error && 'syscall' in failure && failure.syscall === 'listen';
}

interface FileError extends Error {
  readonly code: string;
  readonly path: string;
}

/** A file the configuration names, such as the audit file, that cannot be opened. */
function isFileError(failure: unknown): failure is FileError {
  return failure instanceof Error && 'syscall' in failure && 'path' in failure && 'code' in failure;
}

function bindMessage({ code, address, port }: BindError): string {
  const where = port === undefined ? address : `${address}:${port}`;
  if (code === 'EADDRINUSE')
    return `${where} is already in use; stop what listens there or change \`listen\` in the configuration`;
  if (code === 'EACCES') return `may not listen on ${where}; choose a port above 1023 or a path this user can write`;
  return `cannot listen on ${where} (${code})`;
}

// The operator's log: JSON lines on standard error. Secrets print as fingerprints; errors print their name, code, message
// and stack and nothing else, since a library's error may carry the whole response it failed on.
// Must never print a token: what looks like one in an error's text is masked.

import { type DestinationStream, pino } from 'pino';
import { bounded } from '../base/bounded.ts';
import type { Log } from '../base/ports.ts';
import { Secret } from '../base/secret.ts';

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

const maxMessage = 1_024;
const maxStack = 4_096;

/** Longest chain of causes printed. */
const maxCauses = 4;

/** JWTs, bearer values and vendor keys, as they may stand in a message some library wrote. */
const tokenLike = /\beyJ[\w-]{8,}\.[\w-]*(?:\.[\w-]*)?|\b[Bb]earer\s+\S+|\bsk-[\w-]{8,}|\bAIza[\w-]{16,}/g;

export interface LogOptions {
  readonly level: LogLevel;
  /** Standard error unless given. */
  readonly destination?: DestinationStream;
}

export function createLog({ level, destination }: LogOptions): Log {
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }), log: safeFacts },
    // Pino's own serializer prints every property of an error; ours has already run.
    serializers: { err: (value: unknown) => value },
  };
  const logger = pino(options, destination ?? standardError());
  return {
    debug: (facts, message) => logger.debug(facts, message),
    info: (facts, message) => logger.info(facts, message),
    warn: (facts, message) => logger.warn(facts, message),
    error: (facts, message) => logger.error(facts, message),
  };
}

function standardError(): DestinationStream {
  const stream = pino.destination({ fd: 2, sync: true });
  // Nobody can be told that the log cannot be written, and the gate must not end for it.
  stream.on('error', () => {});
  return stream;
}

/** Facts as they may be printed: secrets by their fingerprint, errors without what some library hung on them. */
export function safeFacts(facts: Record<string, unknown>): Record<string, unknown> {
  const safe: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(facts)) {
    if (value instanceof Error) safe[name] = safeError(value, maxCauses);
    else safe[name] = value instanceof Secret ? value.toString() : value;
  }
  return safe;
}

function safeError(error: Error, causesLeft: number): object {
  const cause = error.cause instanceof Error && causesLeft > 0 ? safeError(error.cause, causesLeft - 1) : undefined;
  return {
    type: bounded(error.name, maxMessage),
    code: 'code' in error && typeof error.code === 'string' ? bounded(error.code, maxMessage) : undefined,
    message: masked(error.message, maxMessage),
    stack: error.stack === undefined ? undefined : masked(error.stack, maxStack),
    cause,
  };
}

/** Masked before it is cut: the front half of a token is still a piece of it. */
function masked(text: string, most: number): string {
  return text
    .slice(0, most * 4)
    .replace(tokenLike, '[masked]')
    .slice(0, most);
}

// gRPC calls over HTTP/2 on one unix socket: the connection is opened when it is needed and again when it was lost.
// Every request says `workload.spiffe.io: true`, which no forged request of a browser or a proxied agent can
// (SPIFFE_Workload_Endpoint.md section 3). Must never connect to anything but a socket, and never leave a call without an end.

import { stat } from 'node:fs/promises';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { createConnection } from 'node:net';
import { errorCode } from '../error-code.ts';
import { WorkloadFailure } from './failure.ts';
import { createFrames, frame } from './frames.ts';
import { problemOf, statusOf } from './status.ts';

/** Most memory one connection may use, in MB: nghttp2 ends a session that makes it hold more. */
const maxSessionMemory = 16;

const service = '/SpiffeWorkloadAPI/';

export interface CallEvents {
  /** Whole messages, as they come; at least one. A WorkloadFailure thrown here ends the call with it. */
  messages(messages: readonly Buffer[]): void;
  /** Once, and nothing after it; undefined for status OK. */
  ended(failure: WorkloadFailure | undefined): void;
}

export interface Call {
  /** Takes no more bytes until `resume`: the other side waits. */
  pause(): void;
  resume(): void;
  /** Ends the call; `ended` comes with this failure, or not at all where it came before. */
  cancel(failure: WorkloadFailure): void;
}

export interface Channel {
  call(method: string, message: Buffer, events: CallEvents): Call;
  close(): void;
}

/** @param path of the socket */
export function createChannel(path: string): Channel {
  let session: ClientHttp2Session | undefined;

  function open(): ClientHttp2Session {
    if (session !== undefined && !session.closed && !session.destroyed) return session;
    const opened = connect('http://localhost', {
      createConnection: () => createConnection(path),
      settings: { enablePush: false },
      maxSessionMemory,
    });
    // Its streams are told by themselves; without a listener the process would end.
    opened.on('error', () => {});
    opened.on('close', () => {
      if (session === opened) session = undefined;
    });
    session = opened;
    return opened;
  }

  return {
    call(method, message, events) {
      let stream: ClientHttp2Stream | undefined;
      let isEnded = false;
      let isPaused = false;

      function end(failure: WorkloadFailure | undefined): void {
        if (isEnded) return;
        isEnded = true;
        stream?.close(constants.NGHTTP2_CANCEL);
        events.ended(failure);
      }

      async function begin(): Promise<void> {
        await requireSocket(path);
        if (isEnded) return;
        stream = open().request({
          ':method': 'POST',
          ':path': service + method,
          'content-type': 'application/grpc',
          te: 'trailers',
          'workload.spiffe.io': 'true',
        });
        if (isPaused) stream.pause();
        const messages: CallEvents['messages'] = (received) => {
          if (!isEnded) events.messages(received);
        };
        listen(stream, path, messages, end);
        stream.end(frame(message));
      }

      begin().catch((failure: unknown) => end(connectionFailure(path, failure)));
      return {
        pause() {
          isPaused = true;
          stream?.pause();
        },
        resume() {
          isPaused = false;
          stream?.resume();
        },
        cancel: end,
      };
    },
    close() {
      session?.destroy();
      session = undefined;
    },
  };
}

function listen(
  stream: ClientHttp2Stream,
  path: string,
  take: CallEvents['messages'],
  end: (failure: WorkloadFailure | undefined) => void,
): void {
  const frames = createFrames();
  let status: WorkloadFailure | null | undefined;
  let problem: WorkloadFailure | undefined;

  stream.on('response', (headers) => {
    status = statusOf(headers);
    problem = problemOf(headers);
    if (problem !== undefined) end(problem);
  });
  stream.on('trailers', (headers) => {
    status = statusOf(headers);
  });
  stream.on('data', (chunk: Buffer) => {
    try {
      const messages = frames.push(chunk);
      if (messages.length > 0) take(messages);
    } catch (failure) {
      end(failure instanceof WorkloadFailure ? failure : new WorkloadFailure('malformed', 'the answer cannot be read'));
    }
  });
  stream.on('error', (failure) => end(connectionFailure(path, failure)));
  stream.on('close', () => {
    if (status === undefined) end(new WorkloadFailure('unreachable', `${path}: the connection ended`));
    else if (status !== null) end(status);
    else if (frames.isCut()) end(new WorkloadFailure('malformed', 'the Workload API answers with half a message'));
    else end(undefined);
  });
}

async function requireSocket(path: string): Promise<void> {
  const found = await stat(path);
  if (!found.isSocket()) throw new WorkloadFailure('unreachable', `${path} is not a socket`);
}

const reasons = new Map([
  ['ENOENT', 'is not there'],
  ['ENOTDIR', 'is not there'],
  ['EACCES', 'may not be used by this process'],
  ['ECONNREFUSED', 'has nobody behind it'],
]);

function connectionFailure(path: string, failure: unknown): WorkloadFailure {
  if (failure instanceof WorkloadFailure) return failure;
  // A stream whose connection could not be made is cancelled, and the connection's own failure is the cause of that.
  const code = errorCode(failure instanceof Error ? (failure.cause ?? failure) : failure);
  return new WorkloadFailure('unreachable', `${path} ${reasons.get(code) ?? `cannot be used (${code})`}`);
}

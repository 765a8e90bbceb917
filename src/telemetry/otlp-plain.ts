// OTLP requests without TLS, the usual collector beside the gate, by the gate's own HTTP/1.1 client: every call passes through it, so
// a batch finds it warm, where Node's costs a millisecond for each (ADR 17). Must never read an answer without bound.

import { lookup } from 'node:dns';
import type { AddressPolicy } from '../base/addresses.ts';
import { errorCode } from '../base/error-code.ts';
import type { Link, Receiver, UpstreamRequest } from '../base/http1/exchange.ts';
import { createHttp1Pool } from '../base/http1/pool.ts';
import { type Answered, maxAnswer, type Way } from './otlp-way.ts';

/** Batches go one at a time; metrics may be flushed while a push is on its way. */
const maxConnections = 4;

/**
 * No call chooses where telemetry goes, only who runs the gate, and collectors of a node do have link-local addresses: none is
 * refused, as none is over TLS.
 */
const anywhere: AddressPolicy = { permits: () => true, lookup };

/** How a connection fails that the other side had closed, or was closing, when the request was written. */
const closedBefore: ReadonlySet<string> = new Set(['CLOSED_EARLY', 'ECONNRESET', 'EPIPE']);

/** @param timeoutMs longest a request can take, in milliseconds */
export function createPlainWay(target: URL, timeoutMs: number): Way {
  const connections = { addresses: anywhere, ca: [], connectMs: timeoutMs, maxConnections, holdsProcess: false };
  const open = () => createHttp1Pool({ origin: target.origin, ...connections });
  const path = `${target.pathname}${target.search}`;
  const authorization = authorizationOf(target);
  const used = new WeakSet<Link>();
  let pool = open();

  return function send(fields, body) {
    const { promise: answered, resolve, reject } = Promise.withResolvers<Answered>();
    const lines = fields.has('authorization') ? [] : authorization;
    const request: UpstreamRequest = {
      ...{ method: 'POST', path, headers: [...[...fields].flat(), ...lines], body },
      idleMs: timeoutMs,
    };
    const pieces: Buffer[] = [];
    let length = 0;
    let head: Omit<Answered, 'body'> | undefined;
    let link: Link | undefined;
    let usedBefore = false;

    const receiver: Receiver = {
      onStart(given) {
        link = given;
        usedBefore = used.has(given);
        used.add(given);
      },
      onHead(status, lines) {
        head = { status, retryAfter: fieldOf(lines, 'retry-after') };
      },
      onData(piece) {
        length += piece.length;
        if (length > maxAnswer) throw new RangeError('the answer is too large');
        pieces.push(piece);
        return true;
      },
      onEnd() {
        if (head !== undefined) resolve({ ...head, body: Buffer.concat(pieces) });
      },
      onError(error) {
        link = undefined;
        if (head !== undefined) resolve({ ...head, body: undefined });
        else if (errorCode(error) === 'SWITCHED_UNASKED') resolve(switched);
        else if (usedBefore && closedBefore.has(errorCode(error))) sendAgain();
        else reject(error);
      },
    };

    /** Nothing was heard on a connection that was idle: its end and the request have crossed. A new one is made at once. */
    function sendAgain(): void {
      usedBefore = false;
      pool.send(request, receiver);
    }

    /** There is no connection yet, and whoever waits for one cannot leave the line, nor take back that it is made. */
    function leave(why: Error): void {
      reject(why);
      void pool.destroy();
      pool = open();
    }

    pool.send(request, receiver);
    return {
      answered,
      end(why) {
        if (link === undefined) leave(why);
        else link.abort(receiver, why);
      },
    };
  };
}

/** Another protocol, which nobody asked for. */
const switched: Answered = { status: 101, retryAfter: undefined, body: undefined };

/** What the URL itself holds (RFC 7617), as Node's client sends it. @throws URIError */
function authorizationOf({ username, password }: URL): readonly string[] {
  if (username === '' && password === '') return [];
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return ['authorization', `Basic ${Buffer.from(pair).toString('base64')}`];
}

function fieldOf(lines: readonly string[], name: string): string | undefined {
  for (let i = 0; i < lines.length; i += 2) {
    if (lines[i] === name) return lines[i + 1];
  }
  return undefined;
}

// Calls over HTTP/2, by undici: HTTP/1.1 where the upstream does not offer it (ALPN). What it tells is told on as the gate's own
// HTTP/1.1 client would (base/http1/exchange.ts), so that an attempt need not know which way it goes.
// Must never be given a body that HTTP/2 cannot take in one frame; see pools.ts.

import type { IncomingHttpHeaders } from 'node:http';
import type { Link, Pool, Receiver, UpstreamRequest } from '../base/http1/exchange.ts';
import { Http1Fault } from '../base/http1/fault.ts';
import type { UpstreamPoolOptions } from '../base/http1/pool.ts';
import { type Dispatcher, Pool as UndiciPool } from '../base/undici.ts';
import { createConnector } from './connect-http2.ts';

/** Largest header block of an answer, in bytes; stops an upstream from filling memory with headers. */
const maxHeadBytes = 32_768;

/** Streams per HTTP/2 connection; the default limit of most servers. */
const streamsPerSession = 100;

export function createHttp2Pool({ origin, addresses, ca, connectMs, maxConnections }: UpstreamPoolOptions): Pool {
  const pool = new UndiciPool(origin, {
    connect: createConnector({ addresses, ca, connectMs }),
    connections: Math.ceil(maxConnections / streamsPerSession),
    h2Options: { maxConcurrentStreams: streamsPerSession },
    allowH2: true,
    pipelining: 1,
    maxHeaderSize: maxHeadBytes,
  });
  return {
    send: (request, receiver) => void pool.dispatch(asDispatched(request), handlerFor(receiver)),
    close: () => pool.close(),
    destroy: () => pool.destroy(),
  };
}

function asDispatched({ method, path, headers, body, idleMs }: UpstreamRequest): Dispatcher.DispatchOptions {
  const timeouts = { headersTimeout: idleMs, bodyTimeout: idleMs };
  if (body === undefined || !('stream' in body))
    return { method, path, headers: [...headers], body: body ?? null, ...timeouts };
  const framing = body.length === undefined ? [] : ['content-length', String(body.length)];
  return { method, path, headers: [...headers, ...framing], body: body.stream, ...timeouts };
}

function handlerFor(receiver: Receiver): Dispatcher.DispatchHandler {
  let controller: Dispatcher.DispatchController | undefined;
  const link: Link = {
    resume: () => controller?.resume(),
    abort: (_receiver, why) => controller?.abort(why),
  };
  return {
    onRequestStart(given) {
      controller = given;
      receiver.onStart(link);
    },
    onResponseStart(_given, status, fields) {
      // A 1xx is no answer yet, and no sign that the body has gone.
      if (status === 101) throw new Http1Fault('SWITCHED_UNASKED');
      if (status >= 200) receiver.onHead(status, linesOf(fields));
    },
    onResponseData(given, piece) {
      if (!receiver.onData(piece)) given.pause();
    },
    onResponseEnd: () => receiver.onEnd(),
    onResponseError: (_given, error) => receiver.onError(error),
  };
}

/** Header lines as flat text, names in lower case. Undici has read them already. */
function linesOf(fields: IncomingHttpHeaders): string[] {
  const lines: string[] = [];
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    if (typeof value === 'string') lines.push(name, value);
    else for (const item of value ?? []) lines.push(name, item);
  }
  return lines;
}

// One attempt at the upstream over HTTP: dispatches on the route's pool and writes the answer straight into the agent's
// response as it comes. Ends the upstream's side when the agent leaves: without that, abandoned streams leave paused sockets
// for ever and the pool serves nothing (9,000 stuck after one test). Never sends a request twice, never retries by itself.

import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { Refusal } from '../base/errors.ts';
import type { HttpTransport, RawHeaders, StreamEnd } from '../call.ts';
import { openDownstream } from './downstream.ts';
import { endOf, upstreamFailure } from './failures.ts';
import { type Attempt, clientClosedRequest, type Outcome } from './outcome.ts';
import { rejectionOf } from './rejection.ts';
import { AgentGone, type BodyRelay, relayBody } from './request-body.ts';

/**
 * Settles when the answer was sent whole or was cut. Ends the attempt's observation, exactly once.
 * @throws Refusal when nothing was sent to the agent
 */
export function sendUpstream(attempt: Attempt, { request, response }: HttpTransport): Promise<Outcome> {
  const { call, route, observation, placed, forms } = attempt;
  const { slot, timeouts } = route;
  if (!slot.enter()) {
    const full = new Refusal('upstream_overloaded', { retryAfter: 1 });
    observation.ended('upstream_error', full);
    return Promise.reject(full);
  }

  return new Promise((resolve, reject) => {
    let controller: Dispatcher.DispatchController | undefined;
    let started = false;
    let settled = false;
    let upstreamDone = false;
    let headed = false;
    let status = clientClosedRequest;
    let upstreamRequestId: string | undefined;
    let cutBy: { readonly end: StreamEnd; readonly failure: Refusal | undefined } | undefined;
    let relay: BodyRelay | undefined;

    const down = openDownstream(response, timeouts.idleMs, {
      drained: () => {
        if (!upstreamDone) controller?.resume();
      },
      stalled: () => cut('timeout', undefined),
      passed: (chunk) => observation.passed(chunk),
    });
    const untrack = attempt.track(fail);
    response.once('close', onClose);

    /** Nobody waits for this attempt any more. What the upstream still sends is not wanted. */
    function release(): void {
      settled = true;
      untrack();
      down.release();
      response.off('close', onClose);
      relay?.stream.destroy();
      if (upstreamDone || down.ended) return;
      // Over HTTP/2 only once the head has come, and so the body has gone: aborted before, one of several calls on a connection
      // can make Node's session write without end (undici 8.12.4, Node 24.21). Until then the idle timeout holds.
      if (route.http2 && !headed && attempt.bytes !== undefined) return;
      controller?.abort(new Abandoned());
    }

    function settle(end: StreamEnd, failure: Refusal | undefined): void {
      if (settled) return;
      release();
      observation.ended(end, failure);
      const bytesReceived = call.body.kind === 'buffered' ? call.body.bytes.length : (relay?.received() ?? 0);
      resolve({ kind: 'ended', status, end, bytesSent: down.sent, bytesReceived, upstreamRequestId });
    }

    /** After the head only cutting the connection tells the agent that the answer is not whole. */
    function cut(end: StreamEnd, failure: Refusal | undefined): void {
      if (settled || cutBy !== undefined) return;
      cutBy = { end, failure };
      if (response.closed) onClose();
      // A pipelined request's response has no socket before its turn.
      else if (response.socket === null) request.socket.destroy();
      else response.destroy();
    }

    function fail(why: Refusal): void {
      if (settled) return;
      const end = endOf(why);
      if (down.begun) {
        cut(end, why);
        return;
      }
      release();
      observation.ended(end, why);
      reject(why);
    }

    function onClose(): void {
      if (response.writableFinished) settle('complete', undefined);
      else settle(cutBy?.end ?? 'client_abort', cutBy?.failure);
    }

    function leave(): void {
      if (!upstreamDone) slot.leave(started);
      upstreamDone = true;
    }

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(given) {
        controller = given;
        if (!started) slot.started();
        started = true;
        // The agent left while the call waited for a connection: undici drops it without touching the socket.
        if (settled) throw new Abandoned();
      },
      onResponseStart(given, code, fields) {
        // A 1xx is no sign that the body has gone.
        headed ||= code >= 200;
        if (settled) {
          if (route.http2 && headed && !upstreamDone) given.abort(new Abandoned());
          return;
        }
        if (code === 101) throw new Refusal('upstream_answer_malformed', { detail: 'switched protocols unasked' });
        if (code < 200) return;
        const proofOnly = attempt.heed?.(code, linesOf(fields)) ?? false;
        const rejection =
          route.relayUnauthorized === true
            ? undefined
            : rejectionOf(code, () => linesOf(fields), call.credential.placement);
        if (rejection !== undefined) {
          observation.responded(code, []);
          if (rejection === 'signature') {
            fail(new Refusal('upstream_rejected_credential', { detail: 'the signature, not the keys' }));
            return;
          }
          release();
          observation.ended('complete');
          resolve({ kind: 'rejected', proofOnly });
          return;
        }
        const bodiless = call.method === 'HEAD' || code === 204 || code === 304;
        const head = route.readHead(call, linesOf(fields), forms, bodiless);
        upstreamRequestId = head.upstreamRequestId;
        down.begin(code, head, forms, bodiless);
        status = code;
        observation.responded(code, head.lines);
      },
      onResponseData(given, chunk) {
        if (!settled && !down.write(chunk)) given.pause();
      },
      onResponseEnd() {
        leave();
        if (!settled) down.finish();
      },
      onResponseError(_given, error) {
        leave();
        if (settled || down.ended) return;
        if (error instanceof AgentGone) cut('client_abort', undefined);
        else fail(upstreamFailure(error, started));
      },
    };

    const { body } = call;
    if (body.kind === 'stream') {
      relay = relayBody(body.stream, timeouts.idleMs, () => cut('timeout', undefined));
      if (body.length !== undefined) attempt.headers.push('content-length', String(body.length));
    }
    slot.pool.dispatch(
      {
        path: placed.path,
        method: call.method,
        headers: attempt.headers,
        body: relay?.stream ?? attempt.bytes ?? null,
        headersTimeout: timeouts.idleMs,
        bodyTimeout: timeouts.idleMs,
      },
      handler,
    );
    // The agent may have left before anyone listened.
    if (response.closed) onClose();
  });
}

/** What an attempt is given up with; undici hands it back to its handler, which no longer listens. */
class Abandoned extends Error {}

/**
 * Header lines as flat text, their names in lower case. Undici has read them already; reading the bytes again, each for
 * itself, took 2 us of a call.
 */
function linesOf(fields: IncomingHttpHeaders): RawHeaders {
  const lines: string[] = [];
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    if (typeof value === 'string') lines.push(name, value);
    else for (const item of value ?? []) lines.push(name, item);
  }
  return lines;
}

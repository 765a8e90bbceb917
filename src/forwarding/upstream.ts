// One attempt at the upstream over HTTP: dispatches on the route's pool and writes the answer straight into the agent's
// response as it comes. Ends the upstream's side when the agent leaves: without that, abandoned streams leave paused sockets
// for ever and the pool serves nothing (9,000 stuck after one test). Never sends a request twice, never retries by itself.

import { Refusal } from '../base/errors.ts';
import type { Link, Receiver, UpstreamRequest } from '../base/http1/exchange.ts';
import type { RawHeaders, StreamEnd } from '../call.ts';
import type { HttpTransport } from '../transport.ts';
import {
  beginAnswer,
  type Downstream,
  finishAnswer,
  openDownstream,
  releaseAnswer,
  writeAnswer,
} from './downstream.ts';
import { endOf, upstreamFailure } from './failures.ts';
import { letGo, mayLast } from './let-go.ts';
import { type Attempt, clientClosedRequest, type Outcome } from './outcome.ts';
import type { Way } from './pools.ts';
import { rejectionOf } from './rejection.ts';
import { AgentGone, type BodyRelay, relayBody } from './request-body.ts';

/** One attempt under way; a record and functions over it, see `Downstream`. Its `on` methods take it as `this`. */
interface Exchange extends Receiver {
  readonly attempt: Attempt;
  readonly transport: HttpTransport;
  readonly way: Way;
  readonly down: Downstream;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (why: Refusal) => void;
  readonly untrack: () => void;
  readonly onClose: () => void;
  readonly relay: BodyRelay | undefined;
  link: Link | undefined;
  started: boolean;
  settled: boolean;
  upstreamDone: boolean;
  headed: boolean;
  status: number;
  upstreamRequestId: string | undefined;
  cutBy: { readonly end: StreamEnd; readonly failure: Refusal | undefined } | undefined;
}

/**
 * Settles when the answer was sent whole or was cut. Ends the attempt's observation, exactly once.
 * @throws Refusal when nothing was sent to the agent
 */
export function sendUpstream(attempt: Attempt, transport: HttpTransport): Promise<Outcome> {
  const { slot } = attempt.route;
  if (!slot.enter()) {
    const full = new Refusal('upstream_overloaded', { retryAfter: 1 });
    attempt.observation.ended('upstream_error', full);
    return Promise.reject(full);
  }
  return new Promise((resolve, reject) => {
    const exchange = begin(attempt, transport, resolve, reject);
    exchange.way.pool.send(requestOf(exchange), exchange);
    // The agent may have left before anyone listened.
    if (transport.response.closed) exchange.onClose();
  });
}

function begin(
  attempt: Attempt,
  transport: HttpTransport,
  resolve: Exchange['resolve'],
  reject: Exchange['reject'],
): Exchange {
  const { call, observation } = attempt;
  const { idleMs } = attempt.route.timeouts;
  const { response } = transport;
  const stalled = () => cut(exchange, 'timeout', undefined);
  const drained = () => {
    if (!exchange.upstreamDone) exchange.link?.resume(exchange);
  };
  const exchange: Exchange = {
    attempt,
    transport,
    way: attempt.route.slot.wayFor(call.body.kind === 'stream' ? undefined : (attempt.bytes?.length ?? 0)),
    down: openDownstream({ response, observation, idleMs, drained, stalled }),
    resolve,
    reject,
    untrack: attempt.track((why) => fail(exchange, why)),
    onClose: () => onClose(exchange),
    relay: call.body.kind === 'stream' ? relayBody(call.body.stream, idleMs, stalled) : undefined,
    link: undefined,
    started: false,
    settled: false,
    upstreamDone: false,
    headed: false,
    status: clientClosedRequest,
    upstreamRequestId: undefined,
    cutBy: undefined,
    onStart,
    onHead,
    onData,
    onEnd,
    onError,
  };
  response.on('close', exchange.onClose);
  return exchange;
}

function requestOf({ attempt, relay }: Exchange): UpstreamRequest {
  const { call, headers, placed, bytes, route } = attempt;
  const streamed = relay && {
    stream: relay.stream,
    length: call.body.kind === 'stream' ? call.body.length : undefined,
  };
  const { timeouts } = route;
  const { path, value: checked } = placed;
  return { path, method: call.method, headers, checked, body: streamed ?? bytes, idleMs: timeouts.idleMs };
}

/** Nobody waits for this attempt any more. What the upstream still sends is not wanted. */
function release(exchange: Exchange): void {
  const { attempt, down } = exchange;
  exchange.settled = true;
  exchange.untrack();
  releaseAnswer(down);
  down.response.off('close', exchange.onClose);
  exchange.relay?.stream.destroy();
  if (exchange.upstreamDone || down.ended) return;
  // Over HTTP/2 only once the head has come, and so the body has gone (see `largestHttp2Body`). Until then the idle timeout holds.
  if (exchange.way.http2 && !exchange.headed && attempt.bytes !== undefined) return;
  exchange.link?.abort(exchange, new Abandoned());
}

function settle(exchange: Exchange, end: StreamEnd, failure: Refusal | undefined): void {
  if (exchange.settled) return;
  release(exchange);
  const { attempt, status, upstreamRequestId, relay } = exchange;
  attempt.observation.ended(end, failure);
  const { body } = attempt.call;
  const bytesReceived = body.kind === 'buffered' ? body.length : (relay?.received() ?? 0);
  exchange.resolve({ kind: 'ended', status, end, bytesSent: exchange.down.sent, bytesReceived, upstreamRequestId });
}

/** After the head only cutting the connection tells the agent that the answer is not whole. */
function cut(exchange: Exchange, end: StreamEnd, failure: Refusal | undefined): void {
  if (exchange.settled || exchange.cutBy !== undefined) return;
  exchange.cutBy = { end, failure };
  const { request, response } = exchange.transport;
  if (response.closed) onClose(exchange);
  // A pipelined request's response has no socket before its turn.
  else if (response.socket === null) request.socket.destroy();
  else response.destroy();
}

function fail(exchange: Exchange, why: Refusal): void {
  if (exchange.settled) return;
  const end = endOf(why);
  if (exchange.down.begun) {
    cut(exchange, end, why);
    return;
  }
  release(exchange);
  exchange.attempt.observation.ended(end, why);
  exchange.reject(why);
}

function onClose(exchange: Exchange): void {
  const { cutBy } = exchange;
  if (exchange.down.response.writableFinished) settle(exchange, 'complete', undefined);
  else settle(exchange, cutBy?.end ?? 'client_abort', cutBy?.failure);
}

function leave(exchange: Exchange): void {
  if (!exchange.upstreamDone) exchange.attempt.route.slot.leave(exchange.started);
  exchange.upstreamDone = true;
}

function onStart(this: Exchange, link: Link): void {
  this.link = link;
  if (!this.started) this.attempt.route.slot.started();
  this.started = true;
  // The agent left while the call waited for a connection, which is free again.
  if (this.settled) throw new Abandoned();
}

function onHead(this: Exchange, code: number, lines: RawHeaders): void {
  this.headed = true;
  if (!this.settled) answer(this, code, lines);
  else if (this.way.http2 && !this.upstreamDone) this.link?.abort(this, new Abandoned());
}

function onData(this: Exchange, piece: Buffer): boolean {
  return this.settled || writeAnswer(this.down, piece);
}

function onEnd(this: Exchange): void {
  leave(this);
  if (!this.settled) finishAnswer(this.down);
}

function onError(this: Exchange, error: unknown): void {
  leave(this);
  if (this.settled || this.down.ended) return;
  if (error instanceof AgentGone) cut(this, 'client_abort', undefined);
  else fail(this, upstreamFailure(error, this.started));
}

/** The head of the answer has come. */
function answer(exchange: Exchange, code: number, lines: RawHeaders): void {
  const { attempt } = exchange;
  const { call, route, observation, placed } = attempt;
  const proofOnly = attempt.heed?.(code, lines) ?? false;
  const rejection = route.relayUnauthorized === true ? undefined : rejectionOf(code, lines, call.credential.placement);
  if (rejection !== undefined) {
    observation.responded(code, []);
    if (rejection === 'signature') {
      fail(exchange, new Refusal('upstream_rejected_credential', { detail: 'the signature, not the keys' }));
      return;
    }
    release(exchange);
    observation.ended('complete');
    exchange.resolve({ kind: 'rejected', proofOnly });
    return;
  }
  const bodiless = call.method === 'HEAD' || code === 204 || code === 304;
  const head = route.readHead(call, lines, placed.guarded, bodiless);
  exchange.upstreamRequestId = head.upstreamRequestId;
  beginAnswer(exchange.down, code, head, placed.guarded, bodiless);
  exchange.status = code;
  observation.responded(code, head.lines);
  if (mayLast(head)) letGo(attempt);
}

/** What an attempt is given up with; it comes back as `onError`, which no longer listens. */
class Abandoned extends Error {}

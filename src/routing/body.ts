// Reads request bodies: whole and bounded where they are needed or small, else left as a stream.
// Must never hold more than the limit in memory, nor let a body pass that ended early.

import type { IncomingMessage } from 'node:http';
import { type Awaitable, whenReady } from '../base/awaitable.ts';
import { Refusal } from '../base/errors.ts';
import type { Body } from '../call.ts';
import type { HttpTransport, UpgradeTransport, WholeRequest } from '../transport.ts';

/** Bodies of known length up to this are read whole in any case: cheaper than a stream, and they can be sent twice. */
const alwaysBuffered = 65_536;

/**
 * Longest time a body that is read whole may take, in milliseconds, however it trickles. A call waits here with its caller
 * already identified: without an end it could be kept until long after its tokens have expired and its rules have changed.
 */
const maxCollectMs = 60_000;

const none: Body = { kind: 'none' };

/**
 * @param needed whether policy needs a field of the body, or a signature all of it.
 * @param limit largest body read whole when needed, in bytes. Stops one request from filling the memory.
 * @returns the body, at once where it is there.
 * @throws Refusal body_over_inspection_limit, or request_malformed when the body ends early or takes too long.
 */
export function readBody(transport: HttpTransport | UpgradeTransport, needed: boolean, limit: number): Awaitable<Body> {
  if (transport.kind === 'upgrade') return none;
  const { request } = transport;
  if ('whole' in request) return wholeBody(request, needed ? limit : alwaysBuffered);
  const length = declaredLength(request);
  if (length === 0) return none;
  if (!needed && (length === undefined || length > alwaysBuffered)) return { kind: 'stream', stream: request, length };
  const bound = needed ? limit : alwaysBuffered;
  if (length !== undefined && length > bound) throw overLimit(bound);
  return whenReady(takeArrived(request, length) ?? collect(request, bound), buffered);
}

function wholeBody({ whole }: WholeRequest, bound: number): Body {
  if (whole.length > bound) throw overLimit(bound);
  return buffered(whole);
}

function buffered(bytes: Buffer): Body {
  return bytes.length === 0 ? none : { kind: 'buffered', length: bytes.length, bytes };
}

/** Bytes announced; undefined for a chunked body. Node has already refused a message that announces both. */
function declaredLength(request: IncomingMessage): number | undefined {
  if (request.headers['transfer-encoding'] !== undefined) return undefined;
  return Number.parseInt(request.headers['content-length'] ?? '0', 10);
}

/**
 * A small body comes with its head, in one piece, and is there whole before anybody asks for it: waiting for its events cost
 * 4 us of each call.
 */
function takeArrived(request: IncomingMessage, length: number | undefined): Buffer | undefined {
  if (length === undefined || !request.complete || request.readableLength !== length) return undefined;
  const bytes: unknown = request.read();
  return Buffer.isBuffer(bytes) ? bytes : undefined;
}

function collect(request: IncomingMessage, bound: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const deadline = setTimeout(() => {
      request.resume();
      settle(() => reject(new Refusal('request_malformed', { detail: 'the body took too long to arrive' })));
    }, maxCollectMs);
    const settle = (outcome: () => void): void => {
      clearTimeout(deadline);
      request.off('data', take).off('end', finish).off('error', fail).off('close', fail);
      outcome();
    };
    const take = (chunk: Buffer): void => {
      size += chunk.length;
      chunks.push(chunk);
      if (size <= bound) return;
      chunks.length = 0;
      request.resume(); // the rest is thrown away, so that the refusal can be read by the client
      settle(() => reject(overLimit(bound)));
    };
    const finish = (): void => settle(() => resolve(joined(chunks)));
    const fail = (): void => settle(() => reject(new Refusal('request_malformed', { detail: 'body ended early' })));
    if (request.destroyed && !request.readableEnded) fail();
    else request.on('data', take).on('end', finish).on('error', fail).on('close', fail);
  });
}

function joined(chunks: readonly Buffer[]): Buffer {
  const [first] = chunks;
  if (chunks.length === 1 && first !== undefined) return first;
  const whole = Buffer.concat(chunks);
  for (const chunk of chunks) giveBack(chunk);
  return whole;
}

/**
 * Frees what a copied piece of a body took, where it has memory of its own, in place of leaving it to be collected: it would be
 * half of all memory that calls with large bodies leave behind (256 KB: 120 to 200 us of a call). The parser made the piece for
 * us alone and nothing else holds it; a piece read after this would be empty, never somebody else's bytes.
 */
function giveBack({ buffer, length }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0);
}

function overLimit(bound: number): Refusal {
  return new Refusal('body_over_inspection_limit', { detail: `body is longer than ${bound} bytes` });
}

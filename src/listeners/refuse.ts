// Answers a refused call: public code and message in the client's dialect, never the specific reason.
// Works for plain requests and for WebSocket upgrades; when the response has already begun, the connection is cut instead,
// since a half-sent answer must not look whole.

import type { IncomingMessage } from 'node:http';
import { publicCodes, type Refusal } from '../base/errors.ts';
import { STATUS_CODES } from '../base/node-http.ts';
import type { Arrival, Dialect } from '../call.ts';
import { isRouted } from '../reached.ts';
import type { HttpTransport, UpgradeTransport } from '../transport.ts';
import { endDetached } from './detached.ts';
import { errorBody } from './dialects.ts';

/** After refusing, at most this many bytes of the request are read and thrown away before the connection is cut. */
const maxDiscardedBytes = 8 * 1_048_576;

/** Longest Retry-After passed on, in seconds. */
const maxRetryAfter = 300;

export interface RefuseOptions {
  /** Dialect of the route a raw target seems to be for, when the call did not come as far as routing. */
  readonly dialectFor: (target: string) => Dialect;
}

export function createRefuse(options: RefuseOptions): (reached: Arrival, refusal: Refusal) => void {
  return function refuse(reached, refusal) {
    const routed = isRouted(reached) ? reached : undefined;
    const dialect = routed?.route.dialect ?? options.dialectFor(reached.target);
    const { contentType, body } = errorBody(dialect, {
      status: refusal.status,
      code: refusal.code,
      message: publicCodes[refusal.code].message,
      requestId: reached.id,
      rpcId: routed?.facts.rpcId,
      rpcCode: refusal.rpcCode,
    });
    const headers = refusalHeaders(reached.id, refusal, contentType, Buffer.byteLength(body));
    // Where its SDK looks for the id to show with an error.
    if (dialect === 'anthropic') headers.push('request-id', reached.id);
    if (reached.transport.kind === 'http') answer(reached.transport, refusal.status, headers, body);
    else answerUpgrade(reached.transport, refusal.status, headers, body);
  };
}

function refusalHeaders(requestId: string, refusal: Refusal, contentType: string, length: number): string[] {
  const headers = [
    'content-type',
    contentType,
    'content-length',
    String(length),
    'cache-control',
    'no-store',
    'x-request-id',
    requestId,
    'postern-error',
    refusal.code,
  ];
  if (!publicCodes[refusal.code].retryable) headers.push('x-should-retry', 'false');
  if (refusal.retryAfter !== undefined) {
    headers.push('retry-after', String(Math.min(maxRetryAfter, Math.max(1, Math.ceil(refusal.retryAfter)))));
  }
  if (refusal.status === 401) headers.push('www-authenticate', challenge(refusal));
  return headers;
}

/** RFC 6750 section 3: no error attribute when no credential was presented at all. */
function challenge(refusal: Refusal): string {
  const realm = 'Bearer realm="postern"';
  if (refusal.challenge !== undefined) return `${realm}, ${refusal.challenge}`;
  if (refusal.code === 'credential_required') return realm;
  return `${realm}, error="invalid_token"`;
}

function answer({ request, response }: HttpTransport, status: number, headers: string[], body: string): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (response.destroyed) return;
  response.writeHead(status, headers);
  response.end(Buffer.from(body));
  if (!request.complete) discardRest(request);
}

function discardRest(request: IncomingMessage): void {
  let discarded = 0;
  request.on('data', (chunk: Buffer) => {
    discarded += chunk.length;
    if (discarded > maxDiscardedBytes) request.destroy();
  });
  request.resume();
}

function answerUpgrade({ socket }: UpgradeTransport, status: number, headers: string[], body: string): void {
  if (socket.destroyed || !socket.writable) return;
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Refused'}\r\nconnection: close\r\n`;
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  endDetached(socket, `${head}\r\n${body}`);
}

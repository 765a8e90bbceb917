// A vendor's API, as far as a client can tell: it answers who shows a credential that the vendor gave, and nobody else. Keeps
// what arrived, whole, so that the demo can look for what must not have. Loopback only; not for production.

import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { JWTPayload } from 'jose';
import { listenOnLoopback, readBody, sendJson } from '../upstreams/serve.ts';

/** Headers in which some API takes a credential. Two of them in one request would be one too many. */
const slots = [
  ...['authorization', 'proxy-authorization', 'cookie', 'api-key', 'x-api-key', 'x-goog-api-key'],
  ...['x-amz-security-token', 'postern-subject-token', 'txn-token', 'dpop'],
];

export interface ApiRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  /** Flat lines, as received. */
  readonly rawHeaders: readonly string[];
  readonly body: string;
  /** The body again, as received. */
  readonly bytes: Buffer;
}

/** What a vendor knows of a credential that it gave. */
export interface Genuine {
  /** Claims of the JWT it was given for, or of the credential where that is one itself; undefined for a standing key. */
  readonly claims: JWTPayload | undefined;
  /** Seconds since the epoch; undefined for one that does not end. */
  readonly expiresAt: number | undefined;
}

/** undefined for anything that the vendor did not give, or that has ended. */
export type Knows = (request: ApiRequest) => Genuine | undefined | Promise<Genuine | undefined>;

export interface ApiAnswer {
  readonly status: number;
  /** Sent as JSON; undefined for none. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Arrival extends ApiRequest {
  readonly genuine: Genuine | undefined;
  /** Names of the headers that held a credential. */
  readonly slots: readonly string[];
  /** The vendor's own id of the request, as it was answered. */
  readonly id: string | undefined;
}

export interface Api {
  readonly url: string;
  arrivals(): readonly Arrival[];
  close(): Promise<void>;
}

export interface ApiOptions {
  readonly knows: Knows;
  answer(request: ApiRequest): ApiAnswer;
  /** Header of the vendor's own id of the request, where it has one. */
  readonly requestId: string | undefined;
}

export async function startApi({ knows, answer, requestId }: ApiOptions): Promise<Api> {
  const arrivals: Arrival[] = [];

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const request = await read(incoming);
    const genuine = await knows(request);
    const used = slots.filter((name) => request.headers[name] !== undefined);
    const id = requestId === undefined ? undefined : `req-${incoming.socket.localPort}-${arrivals.length + 1}`;
    arrivals.push({ ...request, genuine, slots: used, id });
    if (genuine === undefined) return sendJson(response, 401, { error: { message: 'no such credential' } });
    const { status, body, headers } = answer(request);
    const named = requestId === undefined || id === undefined ? headers : { [requestId]: id, ...headers };
    if (body === undefined) response.writeHead(status, named).end();
    else sendJson(response, status, body, named);
  }

  const { url, close } = await listenOnLoopback((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  return { url, close, arrivals: () => arrivals };
}

async function read(incoming: IncomingMessage): Promise<ApiRequest> {
  const bytes = await readBody(incoming);
  const { method = '', url: target = '', headers, rawHeaders } = incoming;
  return { method, target, headers, rawHeaders, body: bytes.toString('utf8'), bytes };
}

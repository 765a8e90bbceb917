// The operator's listener: health, readiness, metrics, and what routes there are. Read-only, GET and HEAD only.
// Must never answer with a secret, and not to a page in a browser that got here by DNS rebinding (Host is checked).

import type { IncomingMessage, ServerResponse } from 'node:http';
import { isIP } from 'node:net';
import { createServer } from '../base/node-http.ts';
import { type ListenAddress, listen } from './address.ts';

export interface AdminPage {
  readonly contentType: string;
  readonly body: string;
  readonly status?: number;
}

export type AdminPages = ReadonlyMap<string, () => AdminPage | Promise<AdminPage>>;

export interface AdminListener {
  readonly url: string;
  close(): Promise<void>;
}

export async function listenAdmin(address: ListenAddress, pages: AdminPages): Promise<AdminListener> {
  const server = createServer({ maxHeaderSize: 8_192, requestTimeout: 10_000 }, (request, response) => {
    void serve(pages, address, request, response);
  });
  const url = await listen(server, address);
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(
  pages: AdminPages,
  address: ListenAddress,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  request.resume();
  const page = await find(pages, address, request);
  response.writeHead(page.status ?? 200, {
    'content-type': page.contentType,
    'content-length': Buffer.byteLength(page.body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'",
  });
  response.end(request.method === 'HEAD' ? undefined : page.body);
}

async function find(pages: AdminPages, address: ListenAddress, request: IncomingMessage): Promise<AdminPage> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return text(405, 'method not allowed');
  if (!hostAllowed(address, request.headers.host)) return text(421, 'this listener answers to its own address only');
  const page = pages.get((request.url ?? '').split('?', 1)[0] ?? '');
  if (page === undefined) return text(404, `not found; try ${[...pages.keys()].join(', ')}`);
  try {
    return await page();
  } catch {
    return text(500, 'failed');
  }
}

/** A loopback listener answers only to a loopback name, so that a rebound DNS name finds nothing. */
function hostAllowed(address: ListenAddress, host: string | undefined): boolean {
  const loopback =
    address.kind === 'tcp' &&
    (address.host.startsWith('127.') || address.host === '::1' || address.host === 'localhost');
  if (!loopback) return true;
  const name = (host ?? '').replace(/:\d+$/, '');
  // An address, not a name that begins like one: 127.0.0.1.evil.example is anybody's.
  return name === 'localhost' || name === '[::1]' || (isIP(name) === 4 && name.startsWith('127.'));
}

function text(status: number, body: string): AdminPage {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${body}\n` };
}

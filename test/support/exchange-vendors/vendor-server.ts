// What every vendor emulator stands on: an HTTP server that keeps what it received, answers through the vendor's own handler,
// and fails on demand as real vendors do: with a server error, slowly, with a page, or not at all.

import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';

export interface VendorRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** Parameters of a form, or members of a JSON object; undefined for anything else. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  readonly encoding: 'form' | 'json' | undefined;
  /** As received, for signatures. */
  readonly raw: Buffer;
  readonly rawHeaders: readonly string[];
}

export interface VendorAnswer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export type Handle = (request: VendorRequest) => VendorAnswer | Promise<VendorAnswer>;

export interface VendorServer {
  readonly url: string;
  readonly received: readonly VendorRequest[];
  /** From now on answered like this; without an argument, as the vendor does again. */
  answerWith(raw?: (response: ServerResponse, request: VendorRequest) => void): void;
  /** Answers wait until the returned function is called. */
  hold(): () => void;
  close(): Promise<void>;
}

export async function startVendorServer(handle: Handle): Promise<VendorServer> {
  const received: VendorRequest[] = [];
  let raw: ((response: ServerResponse, request: VendorRequest) => void) | undefined;
  let gate = Promise.resolve();

  const server = createServer(async (incoming, response) => {
    const request = await readRequest(incoming);
    received.push(request);
    const instead = raw;
    await gate;
    if (instead !== undefined) return instead(response, request);
    const { status, body, headers } = await handle(request);
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();

  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    received,
    answerWith(next) {
      raw = next;
    },
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return () => {
        gate = Promise.resolve();
        resolve();
      };
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** A text member of a request; undefined when it is not there, repeated, or of another type. */
export function member(request: VendorRequest, name: string): string | undefined {
  const value = request.body?.[name];
  return typeof value === 'string' ? value : undefined;
}

async function readRequest(incoming: IncomingMessage): Promise<VendorRequest> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(Buffer.from(chunk));
  const raw = Buffer.concat(chunks);
  const text = raw.toString('utf8');
  const type = incoming.headers['content-type'] ?? '';
  const encoding = /^application\/json\b/.test(type) ? 'json' : /x-www-form-urlencoded/.test(type) ? 'form' : undefined;
  const { method = '', url: path = '', headers, rawHeaders } = incoming;
  return { method, path, headers, encoding, body: bodyOf(text, encoding), raw, rawHeaders };
}

function bodyOf(text: string, encoding: 'form' | 'json' | undefined): VendorRequest['body'] {
  if (encoding === 'form') return grouped(new URLSearchParams(text));
  if (encoding === undefined) return undefined;
  const value: unknown = JSON.parse(text);
  return typeof value === 'object' && value !== null ? { ...value } : undefined;
}

function grouped(form: URLSearchParams): Record<string, unknown> {
  return Object.fromEntries(
    [...new Set(form.keys())].map((name) => {
      const [first, ...more] = form.getAll(name);
      return [name, more.length === 0 ? first : [first, ...more]];
    }),
  );
}

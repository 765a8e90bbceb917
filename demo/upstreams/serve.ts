// A demo upstream's HTTP side, the same for all: find the endpoint, verify the token, read the JSON body (bounded), record,
// answer. What differs by vendor (where the credential is, how errors look, what is answered) is handed in.

import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { createRecorder, type Fact, pathOf, type TokenProblem } from './facts.ts';
import { createVerifier, type VerifierOptions } from './verify.ts';

export interface Upstream {
  /** Origin it listens on, such as http://127.0.0.1:40123. */
  readonly url: string;
  /** What reached it, oldest first. */
  received(): readonly Fact[];
  close(): Promise<void>;
}

export interface DemoCall {
  readonly response: ServerResponse;
  /** Named groups of the endpoint's path. */
  readonly parameters: Readonly<Record<string, string>>;
  /** The parsed JSON body; undefined when there was none. */
  readonly body: unknown;
  readonly headers: IncomingMessage['headers'];
}

export interface Endpoint {
  readonly method: string;
  readonly path: RegExp;
  /** Scope the operation needs. */
  readonly scope: string | undefined;
  handle(call: DemoCall): void | Promise<void>;
}

/** What cannot be answered: a token problem, or one with the request. */
export type Problem = TokenProblem | 'invalid_request' | 'not_found' | 'too_large';

export interface Vendor {
  readonly endpoints: readonly Endpoint[];
  /** Takes the token from where this API expects it. */
  credential(headers: IncomingMessage['headers']): string | undefined;
  /** A problem in the shape this API's SDK expects. `detail` is safe to show. */
  refusal(problem: Problem, detail: string): Answer;
}

export interface Answer {
  readonly status: number;
  /** Sent as JSON. */
  readonly body: unknown;
}

/** Longest request body read, in bytes. */
const maxBodyBytes = 1_048_576;

/** Thrown by an endpoint for a request it cannot answer; becomes the vendor's 400. */
export class BadRequest extends Error {}

/** Thrown by an endpoint for a thing that is not there; becomes the vendor's 404. */
export class NotFound extends Error {}

/** The request is longer than any of a demo; becomes the vendor's 413. */
class TooLarge extends Error {}

export async function serveVendor(vendor: Vendor, options: VerifierOptions): Promise<Upstream> {
  const verify = createVerifier(options);
  const recorder = createRecorder();

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const path = pathOf(request);
    const endpoint = vendor.endpoints.find((known) => known.method === request.method && known.path.test(path));
    const { hop, problem } = await verify(vendor.credential(request.headers), endpoint?.scope);
    recorder.record(request, problem ?? 'accepted', hop);
    const refuse = (reason: Problem, detail = '') => {
      const { status, body } = vendor.refusal(reason, detail);
      sendJson(response, status, body);
    };
    if (problem !== undefined) return refuse(problem);
    if (endpoint === undefined) return refuse('not_found', path);
    const parameters = { ...endpoint.path.exec(path)?.groups };
    try {
      const body = await readJson(request);
      await endpoint.handle({ response, parameters, body, headers: request.headers });
    } catch (failure) {
      if (failure instanceof BadRequest) refuse('invalid_request', failure.message);
      else if (failure instanceof NotFound) refuse('not_found', failure.message);
      else if (failure instanceof TooLarge) refuse('too_large');
      else throw failure;
    }
  };

  const listener: RequestListener = (request, response) => {
    handle(request, response).catch(() => {
      if (response.headersSent) response.destroy();
      else sendJson(response, 500, { error: 'demo upstream failed' });
    });
  };
  return { ...(await listenOnLoopback(listener)), received: recorder.received };
}

/** Listens on a free loopback port. */
export async function listenOnLoopback(listener: RequestListener): Promise<{ url: string; close(): Promise<void> }> {
  const server = createServer(listener);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return {
    url: `http://127.0.0.1:${port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function sendJson(response: ServerResponse, status: number, body: unknown, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** The value of a header that was sent once. */
export function single(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The whole body. @throws TooLarge */
export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > maxBodyBytes) throw new TooLarge();
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const body = await readBody(request);
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw new BadRequest('the body is not JSON');
  }
}

// Sends one OTLP request and says what the collector made of it: taken, to be sent again, or refused
// (https://opentelemetry.io/docs/specs/otlp/#otlphttp-response). Address, headers, compression, timeout and certificates are
// the SDK's, from every OTEL_EXPORTER_OTLP_* variable. Must never read an answer without bound, and never show what it says.

import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { convertLegacyHttpOptions } from '@opentelemetry/otlp-exporter-base/node-http';
import { errorCode } from '../base/error-code.ts';
import { Agent, request as httpRequest } from '../base/node-http.ts';

/** Largest answer read, in bytes; a collector's is empty or a few words. Stops one that talks for ever. */
const maxAnswer = 65_536;

/** Statuses after which the same request may be sent again; every other failure is for good. */
const retryable: ReadonlySet<number> = new Set([429, 502, 503, 504]);

export type Posted =
  /** @param body the collector's answer, which may tell of records it did not take */
  | { readonly kind: 'taken'; readonly body: Buffer }
  | { readonly kind: 'again'; readonly problem: string; readonly afterMs: number | undefined }
  | { readonly kind: 'refused'; readonly problem: string };

export interface PostOptions {
  /** Full URL of the receiver. */
  readonly url: string;
  readonly headers: () => Promise<Record<string, string>>;
  /** As in the names of environment variables. */
  readonly signal: 'LOGS' | 'METRICS' | 'TRACES';
}

/** Never rejects. */
export type Post = (message: Uint8Array, abort: AbortSignal) => Promise<Posted>;

const compress = promisify(gzip);

export function createPost({ url, headers, signal }: PostOptions): Post {
  const path = `v1/${signal.toLowerCase()}`;
  const type = { 'Content-Type': 'application/x-protobuf' };
  const http = convertLegacyHttpOptions({ url, headers }, signal, path, type);
  const target = new URL(http.url);
  const secure = target.protocol === 'https:';
  const request = secure ? httpsRequest : httpRequest;
  // The factory has the certificates the environment names. Without TLS it has nothing to say, and would load Node's own fetch
  // with its `import('http')` (base/node-http.ts).
  const makeAgent = async () => (secure ? http.agentFactory(target.protocol) : new Agent({ keepAlive: true }));
  let agent: ReturnType<typeof makeAgent> | undefined;

  async function send(message: Uint8Array, abort: AbortSignal): Promise<Posted> {
    agent ??= makeAgent();
    const packed = http.compression === 'gzip';
    const body = packed ? await compress(message) : message;
    const sent = request(target, {
      method: 'POST',
      agent: await agent,
      headers: {
        ...(await http.headers()),
        ...(packed && { 'content-encoding': 'gzip' }),
        'content-length': body.length,
      },
      signal: AbortSignal.any([abort, AbortSignal.timeout(http.timeoutMillis)]),
    });
    return new Promise((resolve, reject) => {
      sent.on('error', reject);
      sent.on('response', (response) => {
        readAnswer(response).then(resolve, reject);
      });
      // Without a listener Node ends the connection and tells nobody: the batch would be on its way for ever.
      sent.on('upgrade', (_answer, socket) => {
        socket.destroy();
        resolve({ kind: 'refused', problem: 'status 101' });
      });
      sent.end(body);
    });
  }

  return (message, abort) => send(message, abort).catch(failed);
}

async function readAnswer(response: IncomingMessage): Promise<Posted> {
  const { statusCode: status = 0 } = response;
  const taken = status >= 200 && status <= 299;
  const body = await bodyOf(response).catch(() => undefined);
  // What the status said stands, whatever became of the words after it: sending again would double what was taken.
  if (taken) return { kind: 'taken', body: body ?? Buffer.alloc(0) };
  const problem = `status ${status}`;
  if (!retryable.has(status)) return { kind: 'refused', problem };
  return { kind: 'again', problem, afterMs: secondsToMs(response.headers['retry-after']) };
}

/** Rejects, ending the connection, for an answer that is too large. */
async function bodyOf(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    length += chunk.length;
    if (length > maxAnswer) throw new RangeError('the answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** RFC 9110 section 10.2.3; of its two forms the one with a date is not read: the usual pause is as good. */
function secondsToMs(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) * 1_000 : undefined;
}

/** No connection, a broken one, no answer in time, a certificate that does not fit: all of these may pass. */
function failed(failure: unknown): Posted {
  return { kind: 'again', problem: errorCode(failure), afterMs: undefined };
}

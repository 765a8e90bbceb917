// Sends one OTLP request and says what the collector made of it: taken, to be sent again, or refused
// (https://opentelemetry.io/docs/specs/otlp/#otlphttp-response). Address, headers, compression, timeout and certificates are
// the SDK's, from every OTEL_EXPORTER_OTLP_* variable. Must never show what an answer says.

import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { convertLegacyHttpOptions } from '@opentelemetry/otlp-exporter-base/node-http';
import { errorCode } from '../base/error-code.ts';
import { isFraming } from '../base/http1/request-head.ts';
import { Agent } from '../base/node-http.ts';
import { longestWait } from '../base/scalars.ts';
import { createNodeWay } from './otlp-node.ts';
import { createPlainWay } from './otlp-plain.ts';
import type { Answered, Fields, Way } from './otlp-way.ts';

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

export interface PostLimits {
  /** Ends it; may live for long and be given to many. */
  readonly signal: AbortSignal;
  /** Time for the whole of it, in milliseconds, where that is less than the environment's own. */
  readonly timeoutMs?: number;
}

/** Never rejects. The message must stay as it is until this resolves. */
export type Post = (message: Uint8Array, limits: PostLimits) => Promise<Posted>;

const compress = promisify(gzip);

export function createPost({ url, headers, signal }: PostOptions): Post {
  const path = `v1/${signal.toLowerCase()}`;
  const type = { 'Content-Type': 'application/x-protobuf' };
  const http = convertLegacyHttpOptions({ url, headers }, signal, path, type);
  const target = new URL(http.url);
  const longest = Math.min(http.timeoutMillis, longestWait);
  const packed = http.compression === 'gzip';
  let way: Promise<Way> | undefined;

  async function openWay(fields: Fields): Promise<Way> {
    // The factory has the certificates the environment names.
    if (target.protocol === 'https:') return createNodeWay(target, await http.agentFactory(target.protocol));
    // Whoever names such a header, a `host` above all, has it sent: our own client writes these itself. Without TLS the factory has
    // nothing to say, and would load Node's own fetch with its `import('http')` (base/node-http.ts).
    if ([...fields.keys()].some(isFraming)) return createNodeWay(target, new Agent({ keepAlive: true }));
    return createPlainWay(target, longest);
  }

  async function send(message: Uint8Array, { signal: ending, timeoutMs = longest }: PostLimits): Promise<Posted> {
    const body = packed ? await compress(message) : message;
    const fields = fieldsOf(await http.headers(), packed);
    way ??= openWay(fields);
    const begin = await way;
    if (ending.aborted) throw new Ended('ABORTED');
    const { answered, end } = begin(fields, Buffer.from(body.buffer, body.byteOffset, body.length));
    const stop = () => end(new Ended('ABORTED'));
    // The only thing that keeps the process until the answer is there: connections do not.
    const timer = setTimeout(() => end(new Ended('ETIMEDOUT')), Math.min(timeoutMs, longest));
    ending.addEventListener('abort', stop, { once: true });
    try {
      return judge(await answered);
    } finally {
      clearTimeout(timer);
      ending.removeEventListener('abort', stop);
    }
  }

  return (message, limits) => send(message, limits).catch(failed);
}

/** By names in lower case, the last one of a name: the environment may write one in several ways. */
function fieldsOf(headers: Readonly<Record<string, string>>, packed: boolean): Fields {
  const fields = new Map<string, string>();
  for (const [name, value] of Object.entries(headers)) fields.set(name.toLowerCase(), value);
  if (packed) fields.set('content-encoding', 'gzip');
  // Is told with the body, whatever was said.
  fields.delete('content-length');
  return fields;
}

/** What the status said stands, whatever became of the words after it: sending again would double what was taken. */
function judge({ status, retryAfter, body }: Answered): Posted {
  if (status >= 200 && status <= 299) return { kind: 'taken', body: body ?? Buffer.alloc(0) };
  const problem = `status ${status}`;
  if (!retryable.has(status)) return { kind: 'refused', problem };
  return { kind: 'again', problem, afterMs: secondsToMs(retryAfter) };
}

/** RFC 9110 section 10.2.3; of its two forms the one with a date is not read: the usual pause is as good. */
function secondsToMs(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) * 1_000 : undefined;
}

/** No connection, a broken one, no answer in time, a certificate that does not fit: all of these may pass. */
function failed(failure: unknown): Posted {
  return { kind: 'again', problem: errorCode(failure), afterMs: undefined };
}

/** Its time was over, or its sender stops. */
class Ended extends Error {
  readonly code: 'ABORTED' | 'ETIMEDOUT';

  constructor(code: Ended['code']) {
    super(code);
    this.code = code;
  }
}

// Sends one small message to an issuer, a JWKS or a metadata endpoint and reads the whole answer, bounded in size and time.
// Must never follow a redirect (it would carry the client's credential to wherever the redirect says), and never puts the
// path, query, headers or body of a message into an error.

import { type AddressPolicy, AddressRefused } from './addresses.ts';
import type { CertificatePair, ClientCertificate } from './certificate.ts';
import { createConnector } from './connect.ts';
import { errorCode } from './error-code.ts';
import { type Send, SendFailure, type SendRequest, type SendResponse } from './ports.ts';
import { Agent, request } from './undici.ts';

/** Connections per issuer; stops a burst of cache misses from opening one socket each. */
const connectionsPerOrigin = 16;

/** Largest header block of an answer, in bytes; stops an issuer from filling memory before `maxBytes` applies. */
const maxHeaderBytes = 32_768;

/** Time to connect, in milliseconds; the total time of a message is its own `timeoutMs`. */
const connectMs = 5_000;

export interface SendOptions {
  readonly addresses: AddressPolicy;
  /** Certificate authorities (PEM) trusted besides the runtime's own. */
  readonly ca?: readonly string[];
}

export interface Sender {
  readonly send: Send;
  /** Ends idle connections and waits for messages under way. */
  close(): Promise<void>;
}

export function createSend(options: SendOptions): Sender {
  const plain = openAgent(options);
  const identified = createIdentified(options);

  async function send(message: SendRequest): Promise<SendResponse> {
    const origin = originOf(message.url);
    const { identity } = message;
    const pair = await identity?.current();
    try {
      const { pathname, search } = new URL(message.url);
      // Found and used in one go: an agent that is retired in between takes no more messages.
      const agent = identity === undefined || pair === undefined ? plain : identified.agentFor(identity, pair);
      const answer = await request(agent, {
        origin,
        path: `${pathname}${search}`,
        method: message.method,
        headers: message.headers,
        body: message.body ?? null,
        signal: AbortSignal.timeout(message.timeoutMs),
        // The signal bounds the whole message; undici's own limits would only differ in which error they give.
        headersTimeout: 0,
        bodyTimeout: 0,
      });
      const body = await readBounded(answer.body, message.maxBytes, origin);
      return { status: answer.statusCode, headers: joined(answer.headers), body };
    } catch (failure) {
      throw asSendFailure(failure, origin);
    }
  }

  return {
    send,
    async close() {
      await Promise.all([plain.close(), identified.close()]);
    },
  };
}

function openAgent(options: SendOptions, certificate?: CertificatePair): Agent {
  return new Agent({
    connect: createConnector({ ...options, connectMs, http2: false, certificate }),
    connections: connectionsPerOrigin,
    maxHeaderSize: maxHeaderBytes,
    allowH2: false,
  });
}

/**
 * Connections of their own for each identity, and new ones once it was rotated: who a connection speaks for is settled in its
 * handshake. Messages under way on the old ones end there.
 */
function createIdentified(options: SendOptions) {
  // As many as the configuration names.
  const pools = new Map<ClientCertificate, { readonly fingerprint: string; readonly agent: Agent }>();
  const closing = new Set<Promise<void>>();

  function retire(agent: Agent): void {
    const done: Promise<void> = agent.close().finally(() => closing.delete(done));
    closing.add(done);
  }

  return {
    agentFor(identity: ClientCertificate, pair: CertificatePair): Agent {
      const pool = pools.get(identity);
      if (pool?.fingerprint === pair.fingerprint) return pool.agent;
      const agent = openAgent(options, pair);
      pools.set(identity, { fingerprint: pair.fingerprint, agent });
      if (pool !== undefined) retire(pool.agent);
      return agent;
    },
    async close() {
      for (const { agent } of pools.values()) retire(agent);
      pools.clear();
      await Promise.all(closing);
    },
  };
}

/** Counted while streaming: a `content-length` is a claim, and an answer without one has no end. */
async function readBounded(
  body: AsyncIterable<Buffer> & { destroy(): unknown },
  maxBytes: number,
  origin: string,
): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBytes) {
      body.destroy();
      throw new SendFailure('too_large', `${origin} answered more than ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

function joined(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const out: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) out[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return out;
}

function asSendFailure(failure: unknown, origin: string): SendFailure {
  if (failure instanceof SendFailure) return failure;
  if (failure instanceof AddressRefused) return new SendFailure('address_refused', failure.message);
  const code = errorCode(failure);
  const timedOut = code === 'TimeoutError' || code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT';
  // The cause is left out on purpose: undici's parser errors carry an excerpt of the answer.
  if (certificateAlert.test(code)) {
    return new SendFailure('certificate_refused', `${origin} does not accept the client certificate (${code})`);
  }
  return timedOut
    ? new SendFailure('timeout', `${origin} did not answer in time`)
    : new SendFailure('unreachable', `${origin} could not be reached or answered wrongly (${code})`);
}

/** TLS alerts about a client certificate, as OpenSSL names them (RFC 8446 section 6.2). */
const certificateAlert =
  /^ERR_SSL_[\w/]*ALERT_(?:NO_CERTIFICATE|BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+|UNKNOWN_CA|ACCESS_DENIED)$/;

function originOf(url: string): string {
  const { protocol, origin } = URL.canParse(url) ? new URL(url) : { protocol: '', origin: '' };
  if (protocol !== 'https:' && protocol !== 'http:') {
    throw new SendFailure('unreachable', 'the address of the message is no http(s) URL');
  }
  return origin;
}

// Sends one small message to an issuer, a JWKS or a metadata endpoint and reads the whole answer, bounded in size and time.
// Must never follow a redirect (it would carry the client's credential to wherever the redirect says), and never puts the
// path, query, headers or body of a message into an error.

import type { IncomingMessage } from 'node:http';
import { type AddressPolicy, AddressRefused } from './addresses.ts';
import type { CertificatePair, ClientCertificate } from './certificate.ts';
import { type Connections, openConnections } from './connections.ts';
import { errorCode } from './error-code.ts';
import { type Send, SendFailure, type SendRequest, type SendResponse } from './ports.ts';

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
  const plain = openConnections(options);
  const identified = createIdentified(options);

  async function send(message: SendRequest): Promise<SendResponse> {
    const origin = originOf(message.url);
    const { identity, maxBytes } = message;
    const pair = await identity?.current();
    // Found and used in one go: connections that are retired in between take no more messages.
    const connections = identity === undefined || pair === undefined ? plain : identified.open(identity, pair);
    const late = AbortSignal.timeout(message.timeoutMs);
    try {
      return await connections.ask(message, late, async (answer) => {
        const body = await readBounded(answer, maxBytes, origin);
        return { status: answer.statusCode ?? 0, headers: joined(answer.headersDistinct), body };
      });
    } catch (failure) {
      throw asSendFailure(failure, origin, late.aborted);
    }
  }

  return {
    send,
    async close() {
      await Promise.all([plain.close(), identified.close()]);
    },
  };
}

/**
 * Connections of their own for each identity, and new ones once it was rotated: who a connection speaks for is settled in its
 * handshake. Messages under way on the old ones end there.
 */
function createIdentified(options: SendOptions) {
  // As many as the configuration names.
  const pools = new Map<ClientCertificate, { readonly fingerprint: string; readonly connections: Connections }>();
  const closing = new Set<Promise<void>>();

  function retire(connections: Connections): void {
    const done: Promise<void> = connections.close().finally(() => closing.delete(done));
    closing.add(done);
  }

  return {
    open(identity: ClientCertificate, pair: CertificatePair): Connections {
      const known = pools.get(identity);
      if (known?.fingerprint === pair.fingerprint) return known.connections;
      const connections = openConnections({ ...options, certificate: pair });
      pools.set(identity, { fingerprint: pair.fingerprint, connections });
      if (known !== undefined) retire(known.connections);
      return connections;
    },
    async close() {
      for (const { connections } of pools.values()) retire(connections);
      pools.clear();
      await Promise.all(closing);
    },
  };
}

/** Counted while streaming: a `content-length` is a claim, and an answer without one has no end. */
async function readBounded(answer: IncomingMessage, maxBytes: number, origin: string): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of answer) {
    if (!Buffer.isBuffer(chunk)) continue;
    length += chunk.length;
    if (length > maxBytes) {
      answer.destroy();
      throw new SendFailure('too_large', `${origin} answered more than ${maxBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

function joined(headers: NodeJS.Dict<string[]>): Record<string, string> {
  const out: Record<string, string> = Object.create(null);
  for (const [name, values] of Object.entries(headers)) {
    if (values !== undefined) out[name] = values.join(', ');
  }
  return out;
}

/** @param late its time was over: what fails then may say anything */
function asSendFailure(failure: unknown, origin: string, late: boolean): SendFailure {
  if (failure instanceof SendFailure) return failure;
  if (failure instanceof AddressRefused) return new SendFailure('address_refused', failure.message);
  const code = errorCode(failure);
  const timedOut = late || code === 'ETIMEDOUT';
  // The cause is left out on purpose: errors of the parser carry the bytes of the answer.
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

// Connections to issuers that are kept for the next message, by Node's own client: it is there already, as the listeners' other
// half, while undici's parser is WebAssembly, which leaves 10 MB in a process from its first message on
// (docs/adr/0015-a-fast-start.md). Must never connect to an address the policy refuses, relax TLS verification, or follow an answer.

import type { IncomingMessage } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { isIP } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type AddressPolicy, AddressRefused } from './addresses.ts';
import type { CertificatePair } from './certificate.ts';
import { Agent, request } from './node-http.ts';
import type { SendRequest } from './ports.ts';
import { trusting } from './trusting.ts';

/** Largest header block of an answer, in bytes; stops an issuer from filling memory before `maxBytes` applies. */
const maxHeaderBytes = 32_768;

export interface ConnectionBounds {
  /** Connections per issuer; stops a burst of cache misses from opening one socket each. */
  readonly perOrigin: number;
  /** Time to connect, TLS included, in milliseconds; the total time of a message is its own `timeoutMs`. */
  readonly connectMs: number;
  /** How long an idle connection is kept, in milliseconds, unless its issuer said less: most servers give 5 seconds. */
  readonly idleMs: number;
}

const usual: ConnectionBounds = { perOrigin: 16, connectMs: 5_000, idleMs: 4_000 };

export interface ConnectionsOptions {
  readonly addresses: AddressPolicy;
  /** Certificate authorities (PEM) trusted besides the runtime's own. */
  readonly ca?: readonly string[] | undefined;
  /** Shown to whoever asks for a client certificate. */
  readonly certificate?: CertificatePair | undefined;
  /** As usual where nothing is said. */
  readonly bounds?: Partial<ConnectionBounds>;
}

export interface Connections {
  /**
   * Sends a message, and has the head of its answer read by `read`.
   * @throws what Node, the policy, or `read` throws
   */
  ask<T>(message: SendRequest, signal: AbortSignal, read: (answer: IncomingMessage) => Promise<T>): Promise<T>;
  /** Takes no more messages, waits for those under way, ends the connections. */
  close(): Promise<void>;
}

export function openConnections({ addresses, ca, certificate, bounds }: ConnectionsOptions): Connections {
  const { perOrigin, connectMs, idleMs } = { ...usual, ...bounds };
  const kept = { keepAlive: true, maxSockets: perOrigin, timeout: idleMs };
  const plain = new Agent(kept);
  // Made for the first message that needs it: reading the authorities takes long. Node gives every option on to `tls.connect`.
  let secure: TlsAgent | undefined;
  const secured = () => ({ ...kept, secureContext: trusting(ca, certificate) });
  const underWay = new Set<Promise<unknown>>();
  let closed = false;

  function open({ url, method, headers, body }: SendRequest, signal: AbortSignal) {
    const target = new URL(url);
    const hostname = target.hostname.replace(/^\[|\]$/g, '');
    // A literal address is connected without a lookup, so it is checked here.
    if (isIP(hostname) !== 0 && !addresses.permits(hostname)) throw new AddressRefused(hostname, hostname);
    const options = {
      ...{ hostname, method, signal, lookup: addresses.lookup, maxHeaderSize: maxHeaderBytes },
      port: target.port === '' ? undefined : Number(target.port),
      path: `${target.pathname}${target.search}`,
      headers: body === undefined ? headers : { ...headers, 'content-length': Buffer.byteLength(body) },
    };
    if (target.protocol !== 'https:') return request({ ...options, agent: plain });
    secure ??= new TlsAgent(secured());
    return tlsRequest({ ...options, agent: secure });
  }

  function answerTo(message: SendRequest, signal: AbortSignal): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const sent = open(message, signal);
      sent.on('error', reject);
      sent.on('response', resolve);
      // Nothing is written before the connection is there: a handshake that fails while something waits to be written is
      // told as a failed write, without the alert it ended with.
      sent.on('socket', (socket) => {
        if (!socket.connecting) {
          sent.end(message.body);
          return;
        }
        const late = setTimeout(() => sent.destroy(new ConnectTimeout()), connectMs).unref();
        socket.once('close', () => clearTimeout(late));
        socket.once(socket instanceof TLSSocket ? 'secureConnect' : 'connect', () => {
          clearTimeout(late);
          sent.end(message.body);
        });
      });
      // Nobody asked for another protocol. Without a listener Node ends the connection and tells nobody.
      sent.on('upgrade', (_answer, socket) => {
        socket.destroy();
        reject(new Error('upgraded'));
      });
    });
  }

  return {
    async ask(message, signal, read) {
      if (closed) throw new Error('closed');
      const answered = answerTo(message, signal).then(read);
      underWay.add(answered);
      try {
        return await answered;
      } finally {
        underWay.delete(answered);
      }
    },
    async close() {
      closed = true;
      await Promise.allSettled(underWay);
      plain.destroy();
      secure?.destroy();
    },
  };
}

/** No connection in time: see {@link ConnectionBounds.connectMs}. */
class ConnectTimeout extends Error {
  readonly code = 'ETIMEDOUT';
}

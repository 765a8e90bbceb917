// Opens the sockets of HTTP/1.1 connections to one origin: address checked, TLS verified, read into one buffer for all.
// Must never connect to an address the policy refuses, nor relax TLS verification.

import { connect as connectPlain, isIP, type Socket, type TcpNetConnectOpts } from 'node:net';
import { connect as connectSecure } from 'node:tls';
import { type AddressPolicy, AddressRefused } from '../addresses.ts';
import { trusting } from '../trusting.ts';
import { Http1Fault } from './fault.ts';

/** Most bytes taken by one read. */
const readBytes = 65_536;

/**
 * What every socket reads into: one is filled and taken before the next is. Node allocates 64 KB for each read otherwise, also for an
 * event of 200 bytes. Where the system fills buffers in the background (Windows) each socket has its own.
 */
const shared = Buffer.allocUnsafeSlow(readBytes);
const bufferOf = () => (process.platform === 'win32' ? Buffer.allocUnsafeSlow(readBytes) : shared);

/** How long an idle connection is silent before the system asks whether the other side is still there, in milliseconds. */
const keepAliveMs = 60_000;

export interface DialOptions {
  /** Scheme, host and port. */
  readonly origin: string;
  readonly addresses: AddressPolicy;
  /** Time to establish TCP and TLS, in milliseconds. */
  readonly connectMs: number;
  /** Certificate authorities (PEM) trusted besides the runtime's own. */
  readonly ca: readonly string[];
  /** Whether connections that are made keep the process alive, as they do where nothing is said. */
  readonly holdsProcess?: boolean;
}

export interface Dialled {
  /** @param error `AddressRefused`, `Http1Fault` CONNECT_TIMEOUT, or as the system or TLS gives it */
  readonly done: (error: Error | undefined, socket: Socket) => void;
  /** Bytes that came; they are only there until this returns. */
  readonly read: (bytes: Buffer) => void;
}

/** @returns the socket, not yet connected: to be destroyed by who gives up waiting for `done` */
export type Dial = (to: Dialled) => Socket;

export function createDial({ origin, addresses, connectMs, ca, holdsProcess = true }: DialOptions): Dial {
  const { protocol, hostname, port } = new URL(origin);
  const secure = protocol === 'https:';
  const host = hostname.replace(/^\[|\]$/g, '');
  const family = isIP(host);
  /** Resumed by the next connection: a handshake without certificates. */
  let session: Buffer | undefined;

  function open(read: Dialled['read']): Socket {
    const buffer = bufferOf();
    const options: TcpNetConnectOpts = {
      host,
      port: Number(port) || (secure ? 443 : 80),
      lookup: addresses.lookup,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: keepAliveMs,
      onread: {
        buffer,
        callback: (count) => {
          read(buffer.subarray(0, count));
          return true;
        },
      },
    };
    if (!secure) return connectPlain(options);
    const socket = connectSecure({
      ...options,
      // An address has no place in the server name extension (RFC 6066 section 3).
      servername: family === 0 ? host : '',
      ALPNProtocols: ['http/1.1'],
      secureContext: trusting(ca),
      ...(session === undefined ? {} : { session }),
    });
    socket.on('session', (given) => {
      session = given;
    });
    return socket;
  }

  return function dial({ done, read }) {
    const socket = open(read);
    const late = setTimeout(() => socket.destroy(new Http1Fault('CONNECT_TIMEOUT')), connectMs).unref();
    const settle = (error: Error | undefined) => {
      clearTimeout(late);
      socket.off(connected, onConnected).off('error', settle).off('close', onClose);
      done(error, socket);
    };
    const connected = secure ? 'secureConnect' : 'connect';
    const onConnected = () => {
      if (!holdsProcess) socket.unref();
      settle(undefined);
    };
    const onClose = () => settle(new Http1Fault('CLOSED_EARLY'));
    socket.once(connected, onConnected).once('error', settle).once('close', onClose);
    // A literal address is connected without a lookup, so it is checked here.
    if (family !== 0 && !addresses.permits(host)) socket.destroy(new AddressRefused(host, host));
    return socket;
  };
}

// An issuer that authenticates clients by certificate (RFC 8705): its metadata is open to all and names the endpoints for
// that as aliases; there the TLS handshake wants a certificate of the test authority, and the request the client it is of.

import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { Test } from 'tap';
import { createAddressPolicy } from '../../src/base/addresses.ts';
import { createSend } from '../../src/base/send.ts';
import { sendJson } from './exchange-issuer.ts';
import { clientAuthority } from './exchange-tls.ts';
import type { World } from './exchange-world.ts';
import { portOf } from './forwarding-gate.ts';
import { tlsCert, tlsKey } from './forwarding-upstream.ts';

export interface MtlsRequest {
  readonly path: string;
  readonly form: URLSearchParams;
  /** SHA-256 of the client certificate; undefined where none was shown. */
  readonly fingerprint: string | undefined;
  /** Number of its connection, in order of arrival. */
  readonly connection: number;
}

export interface MtlsIssuer {
  /** Issuer identifier. */
  readonly url: string;
  /** Where certificates are verified. */
  readonly mtlsUrl: string;
  readonly requests: readonly MtlsRequest[];
  /** Changes what the metadata says. */
  publish(changes: Record<string, unknown>): void;
  /** Issues this instead of a JWT. */
  give(token: string): void;
  /** Token requests wait until the returned function is called. */
  hold(): () => void;
  /** Resolves when this many token requests have come in. */
  arrived(count: number): Promise<void>;
  readonly send: ReturnType<typeof createSend>['send'];
}

/** @param takes whether the client of this certificate may call itself that */
export async function startMtlsIssuer(
  t: Test,
  world: World,
  takes: (clientId: string | null, certificate: TLSSocket) => boolean,
): Promise<MtlsIssuer> {
  const requests: MtlsRequest[] = [];
  const arrivals: { readonly count: number; readonly resolve: () => void }[] = [];
  const connections = new Map<unknown, number>();
  let given: string | undefined;
  let published: Record<string, unknown> = {};
  let gate = Promise.resolve();

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // An https server gives TLS sockets; the type of the request does not say so.
    const socket = request.socket as TLSSocket;
    let body = '';
    for await (const chunk of request) body += chunk;
    const form = new URLSearchParams(body);
    const certificate = socket.getPeerX509Certificate?.();
    if (!connections.has(socket)) connections.set(socket, connections.size);
    const path = request.url ?? '';
    requests.push({ path, form, fingerprint: certificate?.fingerprint256, connection: connections.get(socket) ?? -1 });
    if (path.startsWith('/.well-known/')) return sendJson(response, 200, metadata());
    for (const arrival of arrivals) {
      if (requests.filter((one) => one.path === '/token').length >= arrival.count) arrival.resolve();
    }
    await gate;
    if (!takes(form.get('client_id'), socket)) return sendJson(response, 401, { error: 'invalid_client' });
    if (path === '/introspect') return sendJson(response, 200, { active: true, aud: 'https://api.openai.com' });
    const { token } = await world.issuer.mint('postern', { audience: 'https://api.openai.com' });
    sendJson(response, 200, { access_token: given ?? token.reveal(), token_type: 'Bearer', expires_in: 300 });
  }

  const metadata = () => ({
    issuer: url,
    token_endpoint: `${url}/token`,
    introspection_endpoint: `${url}/introspect`,
    mtls_endpoint_aliases: { token_endpoint: `${mtlsUrl}/token`, introspection_endpoint: `${mtlsUrl}/introspect` },
    ...published,
  });
  const pair = { key: tlsKey, cert: tlsCert };
  const listener = (request: IncomingMessage, response: ServerResponse) => void answer(request, response);
  const url = await listen(t, createServer(pair, listener));
  const asking = { ...pair, ca: [clientAuthority], requestCert: true, rejectUnauthorized: true };
  const mtlsUrl = await listen(t, createServer(asking, listener));
  const sender = createSend({ addresses: createAddressPolicy(), ca: [tlsCert] });
  t.teardown(() => sender.close());

  return {
    url,
    mtlsUrl,
    requests,
    send: sender.send,
    give(token) {
      given = token;
    },
    publish(changes) {
      published = changes;
    },
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return () => {
        gate = Promise.resolve();
        resolve();
      };
    },
    arrived: (count) => new Promise((resolve) => arrivals.push({ count, resolve })),
  };
}

async function listen(t: Test, server: Server): Promise<string> {
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `https://localhost:${portOf(server.address())}`;
}

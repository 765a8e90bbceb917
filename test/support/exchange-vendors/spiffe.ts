// A SPIFFE agent: the Workload API over gRPC on a unix socket. Its messages are written and read by protobufjs from the API's
// own definition, so that the gate's reader is held against a writer that is not its own. Refuses what the specification
// says it must: calls without `workload.spiffe.io: true` (InvalidArgument), and workloads that nothing is registered for.

import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import protobuf from 'protobufjs';
import { gateSpiffeId, type TestCertificate } from '../exchange-tls.ts';

/** Messages of standards/workloadapi.proto (spiffe/spiffe) that the gate has to do with. */
const { root } = protobuf.parse(
  `
  syntax = "proto3";
  message X509SVIDRequest {}
  message X509SVID { string spiffe_id = 1; bytes x509_svid = 2; bytes x509_svid_key = 3; bytes bundle = 4; string hint = 5; }
  message X509SVIDResponse { repeated X509SVID svids = 1; repeated bytes crl = 2; map<string, bytes> federated_bundles = 3; }
  message JWTSVIDRequest { repeated string audience = 1; string spiffe_id = 2; }
  message JWTSVID { string spiffe_id = 1; string svid = 2; string hint = 3; }
  message JWTSVIDResponse { repeated JWTSVID svids = 1; }
`,
  { keepCase: true },
);

export const grpcStatus = {
  ok: 0,
  invalidArgument: 3,
  permissionDenied: 7,
  unimplemented: 12,
  unavailable: 14,
} as const;

export interface AgentCall {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  readonly request: { readonly audience?: readonly string[]; readonly spiffe_id?: string };
}

export type Misanswer = (stream: ServerHttp2Stream, call: AgentCall) => void;

export interface SpiffeAgent {
  /** As SPIFFE_ENDPOINT_SOCKET has it. */
  readonly socket: string;
  readonly path: string;
  readonly calls: readonly AgentCall[];
  /** X.509-SVIDs from now on, told to everybody who listens. None: PermissionDenied. */
  issue(svids: readonly (readonly [spiffeId: string, certificate: TestCertificate])[]): void;
  /** From now on answered like this; without an argument, as an agent does again. */
  answerWith(misanswer?: Misanswer): void;
  /** Every call is refused with this status; `ok` ends that. */
  refuse(status: number): void;
  /** Streams that are open. */
  listeners(): number;
  /** Resolves when the last of them has gone. */
  left(): Promise<void>;
  /** Resolves when this many calls have come in. */
  arrived(count: number): Promise<void>;
  /** Ends every connection and takes the socket away. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

export interface AgentOptions {
  readonly path: string;
  /** Makes a JWT-SVID. */
  mint(spiffeId: string, audience: readonly string[]): Promise<string>;
  /** Identities of the workload; one by default. */
  readonly identities?: readonly string[];
}

export async function startSpiffeAgent({
  path,
  mint,
  identities = [gateSpiffeId],
}: AgentOptions): Promise<SpiffeAgent> {
  const calls: AgentCall[] = [];
  const arrivals: { readonly count: number; readonly resolve: () => void }[] = [];
  const streams = new Set<ServerHttp2Stream>();
  const leaving: (() => void)[] = [];
  const sessions = new Set<ServerHttp2Session>();
  let issued: Parameters<SpiffeAgent['issue']>[0] = [];
  let misanswer: Misanswer | undefined;
  let status: number = grpcStatus.ok;
  let server = createServer();

  async function serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
    stream.on('error', () => {});
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(Buffer.from(chunk));
    const method = String(headers[':path']).replace('/SpiffeWorkloadAPI/', '');
    const type = method === 'FetchJWTSVID' ? 'JWTSVIDRequest' : 'X509SVIDRequest';
    const call = { method, headers, request: root.lookupType(type).decode(Buffer.concat(chunks).subarray(5)).toJSON() };
    calls.push(call);
    for (const arrival of arrivals) if (calls.length >= arrival.count) arrival.resolve();
    if (misanswer !== undefined) return misanswer(stream, call);
    if (headers['workload.spiffe.io'] !== 'true') return end(stream, grpcStatus.invalidArgument);
    if (status !== grpcStatus.ok) return end(stream, status);
    if (method === 'FetchJWTSVID') return tokens(stream, call);
    if (method !== 'FetchX509SVID') return end(stream, grpcStatus.unimplemented);
    if (issued.length === 0) return end(stream, grpcStatus.permissionDenied);
    begin(stream);
    streams.add(stream);
    stream.on('close', () => {
      streams.delete(stream);
      if (streams.size === 0) for (const resolve of leaving.splice(0)) resolve();
    });
    stream.write(x509Message(issued));
  }

  async function tokens(stream: ServerHttp2Stream, { request }: AgentCall): Promise<void> {
    const { audience = [], spiffe_id: wanted } = request;
    const ids = wanted === undefined ? identities : identities.filter((id) => id === wanted);
    if (audience.length === 0) return end(stream, grpcStatus.invalidArgument);
    if (ids.length === 0) return end(stream, grpcStatus.permissionDenied);
    const svids = await Promise.all(
      ids.map(async (id) => ({ spiffe_id: id, svid: await mint(id, audience), hint: 'x' })),
    );
    begin(stream);
    stream.end(messageOf('JWTSVIDResponse', { svids }));
  }

  const agent: SpiffeAgent = {
    socket: `unix://${path}`,
    path,
    calls,
    issue(svids) {
      issued = svids;
      for (const stream of streams) {
        if (svids.length > 0) stream.write(x509Message(svids));
        else endWith(stream, grpcStatus.permissionDenied);
      }
    },
    answerWith(next) {
      misanswer = next;
    },
    refuse(next) {
      status = next;
    },
    listeners: () => streams.size,
    left: () => new Promise((resolve) => leaving.push(resolve)),
    arrived(count) {
      if (calls.length >= count) return Promise.resolve();
      return new Promise((resolve) => arrivals.push({ count, resolve }));
    },
    async stop() {
      const closed = once(server, 'close');
      server.close();
      for (const session of sessions) session.destroy();
      await closed;
      rmSync(path, { force: true });
    },
    async start() {
      server = createServer();
      server.on('session', (session) => {
        sessions.add(session.on('close', () => sessions.delete(session)).on('error', () => {}));
      });
      server.on('stream', (stream, headers) => void serve(stream, headers).catch(() => stream.close()));
      server.listen(path);
      await once(server, 'listening');
    },
  };
  await agent.start();
  return agent;
}

const statusOf = new WeakMap<ServerHttp2Stream, number>();

/** Head of an answer whose trailers say how it went. */
export function begin(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': String(statusOf.get(stream) ?? 0) }));
}

function endWith(stream: ServerHttp2Stream, status: number): void {
  statusOf.set(stream, status);
  stream.end();
}

/** An answer that is nothing but its status. */
export function end(stream: ServerHttp2Stream, status: number): void {
  const headers = { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': String(status) };
  stream.respond({ ...headers, 'grpc-message': 'CANARY' }, { endStream: true });
}

/** One framed message. */
export function messageOf(type: 'JWTSVIDResponse' | 'X509SVIDResponse', content: object): Buffer {
  const message = root.lookupType(type);
  return framed(Buffer.from(message.encode(message.fromObject(content)).finish()));
}

export function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

export function x509Message(svids: Parameters<SpiffeAgent['issue']>[0]): Buffer {
  return messageOf('X509SVIDResponse', {
    svids: svids.map(([spiffe_id, { der }]) => ({
      spiffe_id,
      x509_svid: der.certificate,
      x509_svid_key: der.key,
      bundle: der.certificate,
      hint: 'internal',
    })),
    crl: [Buffer.from('crl')],
    federated_bundles: { 'spiffe://elsewhere': Buffer.from('bundle') },
  });
}

// A receiver of OTLP log records that answers as a story tells it: a list of answers, one for each request, then 200 for all.

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';
import type { Test } from 'tap';
import { type DecodedLog, decodeLogs } from '../../demo/otlp.ts';

export type Answer = (response: ServerResponse) => void;

export const ok: Answer = (response) => void response.writeHead(200).end();
export const silence: Answer = () => {};
export const reset: Answer = (response) => void response.destroy();
export const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (response) =>
    void response.writeHead(code, headers).end();

/** ExportLogsServiceResponse: so many records were not taken. */
export const tookAllBut =
  (rejected: number): Answer =>
  (response) =>
    void response.writeHead(200).end(Buffer.from([0x0a, 0x02, 0x08, rejected]));

/** Takes the request, then talks for ever. */
export const talksForEver: Answer = (response) => {
  response.writeHead(200);
  const words = Buffer.alloc(65_536, 'x');
  const more = () => {
    while (!response.destroyed && response.write(words));
  };
  response.on('drain', more);
  more();
};

export interface Receiver {
  readonly url: string;
  /** Records of each request, in order of arrival, whatever was answered. */
  readonly requests: readonly (readonly DecodedLog[])[];
  readonly headers: readonly Record<string, unknown>[];
  readonly paths: readonly (string | undefined)[];
  /** Resolves with the first request. */
  readonly first: Promise<void>;
}

export async function startReceiver(t: Test, answers: readonly Answer[] = []): Promise<Receiver> {
  const requests: DecodedLog[][] = [];
  const headers: Record<string, unknown>[] = [];
  const paths: (string | undefined)[] = [];
  const { promise: first, resolve: arrived } = Promise.withResolvers<void>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    headers.push(request.headers);
    paths.push(request.url);
    requests.push(decodeLogs(request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body));
    arrived();
    (answers[requests.length - 1] ?? ok)(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // listening on TCP, so never a path or null
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${port}`, requests, headers, paths, first };
}

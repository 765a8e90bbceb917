// POST /postern/mint: lets `postern token`, another process on this machine, have any token minted. Exists only with
// `insecure_mint: true`. Whoever can run a process here can use it; a web page in a browser here must not be able to, nor
// anyone behind a proxy: so loopback peer, loopback Host (DNS rebinding), no Origin, JSON only, nothing forwarded.

import type { IncomingMessage, ServerResponse } from 'node:http';
import * as z from 'zod';
import type { JsonObject } from '../principal.ts';
import type { Mint } from './mint.ts';

export const mintPath = '/postern/mint';

/** Longest request body, in bytes. Stops a peer from filling memory; a claim set is a few hundred bytes. */
const maxBodyBytes = 16_384;

/** Longest life of a token minted over HTTP, in seconds. */
const maxTtl = 86_400;

const claims: z.ZodType<JsonObject> = z.record(z.string(), z.json());
const name = z.string().min(1).max(512);

const mintRequest = z.strictObject({
  sub: name,
  audience: z.union([name, z.array(name).min(1).max(16)]).optional(),
  scope: z.string().max(4_096).optional(),
  may_act: claims.optional(),
  act: claims.optional(),
  ttl: z.int().min(1).max(maxTtl).optional(),
  client_id: name.optional(),
  claims: claims.optional(),
  typ: z.string().min(1).max(64).optional(),
  kind: z.enum(['user', 'workload']).optional(),
});

export type MintHandler = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** @param defaultTtl seconds; told as `expires_in` when the request names no ttl. */
export function createMintHandler(mint: Mint, defaultTtl: number): MintHandler {
  return async function handle(request, response) {
    const refusal = refuseForeign(request);
    if (refusal !== undefined) return answer(response, refusal.status, { error: refusal.error });
    const body = await readBody(request);
    if (body === undefined) return answer(response, 413, { error: 'request_too_large' });
    const asked = mintRequest.safeParse(parseJson(body));
    if (!asked.success)
      return answer(response, 400, { error: 'invalid_request', error_description: firstIssue(asked) });

    const { may_act, client_id, ...rest } = asked.data;
    const token = await mint({ ...rest, mayAct: may_act, clientId: client_id });
    answer(response, 200, { access_token: token, token_type: 'Bearer', expires_in: rest.ttl ?? defaultTtl });
  };
}

function refuseForeign(request: IncomingMessage): { status: number; error: string } | undefined {
  const { headers, method } = request;
  if (!isLoopbackAddress(request.socket.remoteAddress)) return { status: 403, error: 'loopback_only' };
  if (!isLoopbackHost(headers.host)) return { status: 403, error: 'host_refused' };
  // Browsers send these whatever the page wants; clients of ours never do.
  if (headers.origin !== undefined || headers['sec-fetch-site'] !== undefined)
    return { status: 403, error: 'browser_refused' };
  if (['forwarded', 'x-forwarded-for', 'via'].some((name) => headers[name] !== undefined)) {
    return { status: 403, error: 'proxy_refused' };
  }
  if (method !== 'POST') return { status: 405, error: 'method_not_allowed' };
  // A page can send forms and plain text anywhere without asking; JSON it cannot.
  if (!/^application\/json(?:;|$)/i.test(headers['content-type'] ?? '')) return { status: 415, error: 'json_only' };
  return undefined;
}

function isLoopbackAddress(address: string | undefined): boolean {
  const plain = address?.replace(/^::ffff:/, '');
  return plain === '::1' || plain?.startsWith('127.') === true;
}

function isLoopbackHost(host: string | undefined): boolean {
  return /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i.test(host ?? '');
}

async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk);
    length += bytes.length;
    if (length > maxBodyBytes) return undefined;
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function firstIssue({ error }: z.ZodSafeParseError<unknown>): string {
  const [issue] = error.issues;
  return `${issue?.path.join('.') || 'body'}: ${issue?.code ?? 'invalid'}`;
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

// The issuer of end-to-end tests: the real embedded one, reached through a front that keeps what was asked of the token
// endpoint and lets a test answer in the issuer's place: with an error, with garbage, late, or not at all.

import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Test } from 'tap';
import type { Clock } from '../../src/base/ports.ts';
import { type EmbeddedIssuer, startEmbeddedIssuer } from '../../src/sts/issuer.ts';
import { embeddedIssuerSchema } from '../../src/sts/schema.ts';
import { entraAudience } from './exchange-vendors/entra.ts';
import { googleProvider } from './exchange-vendors/google.ts';
import { silentLog } from './log.ts';
import { clockAt, start } from './sts-issuer.ts';

export const gateClient = { id: 'postern', secret: 'gate-client-secret-canary' };

/** Audiences every end-to-end world knows. */
const audiences = [
  { id: 'api', scopes: ['read', 'write'] },
  { id: 'https://api.openai.com', scopes: ['model.invoke', 'model.list'] },
  { id: 'https://api.anthropic.com', scopes: ['model.invoke'] },
  { id: 'gemini', scopes: ['model.invoke'] },
  { id: 'qdrant', scopes: ['vectors.read', 'vectors.write'] },
  { id: 'mcp-everything', scopes: ['tools.call'] },
  { id: 'agent:researcher' },
  { id: 'agent:writer' },
  { id: 'whoami', scopes: ['profile.read'] },
  // What vendors' federation wants an assertion to be for.
  { id: 'https://api.openai.com/v1', scopes: [] },
  { id: 'https://openrouter.ai/api/v1', scopes: [] },
  { id: 'https://huggingface.co', scopes: [] },
  { id: 'databricks-acme', scopes: [] },
  { id: `https:${googleProvider}`, scopes: [] },
  { id: entraAudience, scopes: [] },
  { id: 'sts.amazonaws.com', scopes: [], aws_session_tags: true },
];

export interface TokenRequest {
  readonly form: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

/** Answers one request at the token endpoint. */
export type TokenScript = (response: ServerResponse, asked: TokenRequest) => void;

export interface FrontedIssuer extends Pick<EmbeddedIssuer, 'issuer' | 'mint'> {
  /** The issuer itself, without the front. */
  readonly direct: EmbeddedIssuer;
  readonly jwksUri: string;
  readonly tokenEndpoint: string;
  /** What was asked of the token endpoint, oldest first. */
  readonly asked: readonly TokenRequest[];
  /** From now on the script answers token requests; without one, the issuer does again. */
  answerWith(script?: TokenScript): void;
  /** While down, every connection is broken, those for keys too. */
  setDown(down: boolean): void;
}

export async function startFrontedIssuer(t: Test, clock: Clock = clockAt(start)): Promise<FrontedIssuer> {
  const config = embeddedIssuerSchema.parse({
    listen: '127.0.0.1:0',
    clients: [{ ...gateClient, may_exchange: true }],
    audiences,
  });
  const direct = await startEmbeddedIssuer({ config, clock, log: silentLog });
  const asked: TokenRequest[] = [];
  let script: TokenScript | undefined;
  let down = false;

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await textOf(request);
    const token = request.url === '/token';
    const one = { form: new URLSearchParams(body), headers: request.headers };
    if (token) asked.push(one);
    if (token && script !== undefined) return script(response, one);
    const headers = new Headers();
    for (const name of ['authorization', 'content-type', 'accept']) {
      const value = request.headers[name];
      if (typeof value === 'string') headers.set(name, value);
    }
    const init = { method: request.method ?? 'GET', headers, ...(body === '' ? {} : { body }) };
    const answer = await fetch(`${direct.issuer}${request.url ?? '/'}`, init);
    response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? 'application/json' });
    response.end(await answer.text());
  }

  const front = createServer((request, response) => {
    if (down) request.socket.destroy();
    else serve(request, response).catch(() => response.destroy());
  });
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  const address = front.address();
  const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  t.teardown(async () => {
    front.close();
    front.closeAllConnections();
    await direct.close();
  });
  return {
    direct,
    issuer: direct.issuer,
    mint: direct.mint,
    jwksUri: `${url}/jwks`,
    tokenEndpoint: `${url}/token`,
    asked,
    answerWith(next) {
      script = next;
    },
    setDown(next) {
      down = next;
      if (down) front.closeAllConnections();
    },
  };
}

/** A script that answers with one JSON document. */
export function answering(status: number, body: object, headers: Record<string, string> = {}): TokenScript {
  return (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

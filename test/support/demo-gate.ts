// A stand-in for the gate in tests of the demo's parts: takes the agent's token from where its SDK put it and the user's
// from Postern-Subject-Token, exchanges them at the embedded issuer, and passes the call on. No policy, no checks: that is
// what the real gate is for.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import type { Test } from 'tap';
import { listenOnLoopback } from '../../demo/upstreams/serve.ts';
import type { EmbeddedIssuer } from '../../src/sts/issuer.ts';
import { exchange } from './sts-issuer.ts';

export interface StandInRoute {
  readonly upstream: string;
  readonly audience: string;
  readonly scope: string | undefined;
}

/** @param routes by first path segment, which is taken off. They may be added after the start. */
export async function startStandInGate(
  t: Test,
  issuer: EmbeddedIssuer,
  routes: Map<string, StandInRoute>,
): Promise<string> {
  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const [, name = '', rest = ''] = /^\/([^/]+)(.*)$/.exec(request.url ?? '') ?? [];
    const route = routes.get(name);
    if (route === undefined) return response.writeHead(404).end();
    const token = await obtain(issuer, request, route);
    if (token === undefined) return response.writeHead(403).end('refused by the issuer');
    const answer = await fetch(`${route.upstream}${rest}`, {
      method: request.method ?? 'GET',
      headers: outgoing(request, token),
      ...(request.method === 'GET' ? {} : { body: Readable.toWeb(request), duplex: 'half' }),
    });
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    for await (const chunk of answer.body ?? []) response.write(chunk);
    return response.end();
  };
  const gate = await listenOnLoopback((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  t.teardown(() => gate.close());
  return gate.url;
}

async function obtain(issuer: EmbeddedIssuer, { headers }: IncomingMessage, route: StandInRoute) {
  const presented = headers.authorization?.replace(/^Bearer /, '') ?? headers['x-api-key'] ?? headers['api-key'];
  const tokens = { actor: String(presented), subject: String(headers['postern-subject-token']) };
  const { body } = await exchange(issuer, tokens, { audience: route.audience, scope: route.scope });
  return typeof body['access_token'] === 'string' ? body['access_token'] : undefined;
}

function outgoing({ headers }: IncomingMessage, token: string): Headers {
  const kept = ['content-type', 'accept', 'traceparent', 'anthropic-version', 'mcp-session-id', 'mcp-protocol-version'];
  const result = new Headers({ authorization: `Bearer ${token}` });
  for (const name of kept) {
    const value = headers[name];
    if (typeof value === 'string') result.set(name, value);
  }
  return result;
}

// The issuer of a demo that puts it under strain: the embedded one, with a front before its token endpoint that can change what
// is asked and answered. Remembers every token there was, so that the demo can look for them where they must not be. Loopback
// only; not for production.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock, Log } from '../src/base/ports.ts';
import { type EmbeddedIssuer, startEmbeddedIssuer } from '../src/sts/issuer.ts';
import type { Mint, MintOptions } from '../src/sts/mint.ts';
import { embeddedIssuerSchema } from '../src/sts/schema.ts';
import { listenOnLoopback, readBody, sendJson } from './upstreams/serve.ts';

/** Shared by the gates and the issuer, for the length of one demo. */
export const gateSecret = 'demo-gate-secret';

export type Claims = NonNullable<MintOptions['claims']>;

export interface RecordingIssuer extends Pick<EmbeddedIssuer, 'issuer' | 'jwksUri' | 'mint'> {
  readonly tokenEndpoint: string;
  /** Every token there has been: minted for users and agents, and issued for a hop, rightly or not. */
  tokens(): readonly string[];
  close(): Promise<void>;
}

export interface RecordingIssuerOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly audiences: readonly object[];
  /** As a duration; the issuer's own by default. */
  readonly tokenTtl?: string;
  /** What the issuer itself is asked; the very request by default. */
  readonly asks?: (form: URLSearchParams) => URLSearchParams;
  /** Members of an answer that are to be other ones. @param token that was issued */
  readonly changes: (token: string, form: URLSearchParams, mint: Mint) => Promise<object>;
}

export async function startRecordingIssuer(options: RecordingIssuerOptions): Promise<RecordingIssuer> {
  const { clock, log, audiences, tokenTtl, asks = (form) => form, changes } = options;
  const config = embeddedIssuerSchema.parse({
    listen: '127.0.0.1:0',
    clients: [{ id: 'postern', secret: gateSecret, may_exchange: true }],
    audiences,
    ...(tokenTtl !== undefined && { token_ttl: tokenTtl }),
  });
  const embedded = await startEmbeddedIssuer({ config, clock, log });
  const tokens: string[] = [];

  const mint: Mint = async (wanted) => {
    const token = await embedded.mint(wanted);
    tokens.push(token);
    return token;
  };

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { authorization = '' } = request.headers;
    const form = new URLSearchParams(String(await readBody(request)));
    const init = { method: 'POST', headers: { authorization }, body: asks(form) };
    const answer = await fetch(embedded.tokenEndpoint, init);
    const body = Object(await answer.json());
    const { access_token: token } = body;
    if (typeof token !== 'string') return sendJson(response, answer.status, body);
    tokens.push(token);
    sendJson(response, answer.status, { ...body, ...(await changes(token, form, mint)) });
  }

  const front = await listenOnLoopback((request, response) => {
    serve(request, response).catch(() => response.destroy());
  });
  return {
    issuer: embedded.issuer,
    jwksUri: embedded.jwksUri,
    mint,
    tokenEndpoint: `${front.url}/token`,
    tokens: () => [...tokens],
    async close() {
      await front.close();
      await embedded.close();
    },
  };
}

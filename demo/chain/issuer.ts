// The issuer of the chain demo: the embedded one, with a front before its token endpoint that can be made to misbehave as real
// issuers do (forget `act`, cut the chain, widen scope), in tokens that are genuinely signed. Remembers every token there was,
// so that the demo can look for them where they must not be. Loopback only; not for production.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../../src/base/ports.ts';
import { type EmbeddedIssuer, startEmbeddedIssuer } from '../../src/sts/issuer.ts';
import type { Mint, MintOptions } from '../../src/sts/mint.ts';
import { embeddedIssuerSchema } from '../../src/sts/schema.ts';
import { listenOnLoopback, sendJson } from '../upstreams/serve.ts';
import type { DemoClock } from './clock.ts';

/** Shared by both sidecars and the issuer, for the length of one demo. */
export const gateSecret = 'demo-gate-secret';

export type Claims = NonNullable<MintOptions['claims']>;

/** Claims of a token as they should be; returns what the issuer says instead. */
export type Misbehaviour = (claims: Claims) => Claims;

export interface ChainIssuer extends Pick<EmbeddedIssuer, 'issuer' | 'jwksUri' | 'mint'> {
  readonly tokenEndpoint: string;
  /** Every token there has been: minted for users and agents, issued for a hop, and wrongly issued. */
  tokens(): readonly string[];
  /** From now on; without one the issuer behaves again. */
  misbehave(how?: Misbehaviour): void;
  close(): Promise<void>;
}

const audiences = [{ id: 'agent:researcher' }, { id: 'mcp-everything', scopes: ['tools.call', 'tools.admin'] }];

export async function startChainIssuer({ clock, log }: { clock: DemoClock; log: Log }): Promise<ChainIssuer> {
  const clients = [{ id: 'postern', secret: gateSecret, may_exchange: true }];
  const config = embeddedIssuerSchema.parse({ listen: '127.0.0.1:0', clients, audiences });
  const embedded = await startEmbeddedIssuer({ config, clock, log });
  const tokens: string[] = [];
  let misbehaviour: Misbehaviour | undefined;

  const mint: Mint = async (options) => {
    const token = await embedded.mint(options);
    tokens.push(token);
    return token;
  };

  async function wrong(token: string, how: Misbehaviour): Promise<object> {
    const claims = how(claimsOf(token));
    const scope = claims['scope'];
    const access_token = await mint({ sub: String(claims['sub']), claims });
    return { access_token, ...(scope === undefined ? {} : { scope }) };
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { authorization = '', 'content-type': contentType = '' } = request.headers;
    const init = { method: 'POST', headers: { authorization, 'content-type': contentType }, body: await read(request) };
    const answer = await fetch(embedded.tokenEndpoint, init);
    const body = Object(await answer.json());
    const { access_token: token } = body;
    if (typeof token !== 'string') return sendJson(response, answer.status, body);
    tokens.push(token);
    const changes = misbehaviour === undefined ? {} : await wrong(token, misbehaviour);
    sendJson(response, answer.status, { ...body, ...changes });
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
    misbehave(how) {
      misbehaviour = how;
    },
    async close() {
      await front.close();
      await embedded.close();
    },
  };
}

function claimsOf(token: string): Claims {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

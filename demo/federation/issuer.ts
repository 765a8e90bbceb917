// The organisation's issuer: the embedded one, with a front before its token endpoint that also gives ID-JAGs, as identity
// providers with Cross App Access do (draft-ietf-oauth-identity-assertion-authz-grant). Remembers every token there was, so that
// the demo can look for them where they must not be. Loopback only; not for production.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { decodeJwt } from 'jose';
import type { Clock, Log } from '../../src/base/ports.ts';
import { type EmbeddedIssuer, startEmbeddedIssuer } from '../../src/sts/issuer.ts';
import type { Mint, MintOptions } from '../../src/sts/mint.ts';
import { embeddedIssuerSchema } from '../../src/sts/schema.ts';
import { listenOnLoopback, sendJson } from '../upstreams/serve.ts';

/** Shared by the gate and its issuer, for the length of one demo. */
export const gateSecret = 'demo-gate-secret';

/** Seconds that tokens live here; whatever is made from a user's token ends with it at the latest. */
export const tokenTtl = 300;

/** What the gate is known as at the partner's authorization server. */
const clientAtPartner = 'postern-at-b';

const idJagType = 'urn:ietf:params:oauth:token-type:id-jag';
const jwtType = 'urn:ietf:params:oauth:token-type:jwt';
/** Where an ID-JAG begins its life: as a token for nobody else, addressed anew before it leaves. */
const idJagAudience = 'id-jag';

/** What the issuer is registered under in IAM. Its tokens for there carry session tags: STS takes them from claims alone. */
export const awsAudience = 'sts.amazonaws.com';

export interface Issuer extends Pick<EmbeddedIssuer, 'issuer' | 'jwksUri' | 'mint'> {
  readonly tokenEndpoint: string;
  /** Every token there has been: minted for users and agents, and issued for a hop. */
  tokens(): readonly string[];
  close(): Promise<void>;
}

/** @param audiences that tokens may be exchanged for */
export async function startIssuer(options: {
  readonly clock: Clock;
  readonly log: Log;
  readonly audiences: readonly { readonly id: string; readonly scopes?: readonly string[] }[];
}): Promise<Issuer> {
  const { clock, log } = options;
  const config = embeddedIssuerSchema.parse({
    listen: '127.0.0.1:0',
    token_ttl: `${tokenTtl}s`,
    clients: [{ id: 'postern', secret: gateSecret, may_exchange: true }],
    audiences: [...options.audiences, { id: idJagAudience, scopes: ['tools.call'] }],
  });
  const embedded = await startEmbeddedIssuer({ config, clock, log });
  const tokens: string[] = [];

  const mint: Mint = async (wanted) => {
    const token = await embedded.mint(wanted);
    tokens.push(token);
    return token;
  };

  /** Section 4.1 of the draft: typ, the one authorization server as audience, the client that will redeem it, the resource. */
  async function idJagOf(token: string, form: URLSearchParams): Promise<string> {
    const issued = decodeJwt<NonNullable<MintOptions['claims']>>(token);
    const aud = form.get('audience') ?? '';
    const resource = form.get('resource') ?? '';
    const claims = { ...issued, aud, resource, client_id: clientAtPartner };
    return mint({ sub: String(issued.sub), claims, typ: 'oauth-id-jag+jwt' });
  }

  /** The same token with user and agent as session tags (IAM User Guide, "Passing session tags"). */
  async function taggedOf(token: string): Promise<string> {
    const issued = decodeJwt<NonNullable<MintOptions['claims']>>(token);
    const agent = String(Object(issued['act']).sub);
    const principal_tags = { user: [String(issued.sub)], agent: [agent] };
    const claims = { ...issued, 'https://aws.amazon.com/tags': { principal_tags, transitive_tag_keys: ['user'] } };
    return mint({ sub: String(issued.sub), claims });
  }

  async function changesTo(token: string, form: URLSearchParams): Promise<object> {
    if (form.get('audience') === awsAudience) return { access_token: await taggedOf(token) };
    if (form.get('requested_token_type') !== idJagType) return {};
    return { access_token: await idJagOf(token, form), issued_token_type: idJagType, token_type: 'N_A' };
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { authorization = '' } = request.headers;
    const form = new URLSearchParams(await read(request));
    const isIdJag = form.get('requested_token_type') === idJagType;
    const answer = await fetch(embedded.tokenEndpoint, {
      method: 'POST',
      headers: { authorization },
      body: isIdJag ? asToken(form) : form,
    });
    const body = Object(await answer.json());
    const { access_token: token } = body;
    if (typeof token !== 'string') return sendJson(response, answer.status, body);
    tokens.push(token);
    sendJson(response, answer.status, { ...body, ...(await changesTo(token, form)) });
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

/** The same question for a plain token: who may act for whom is decided in one place. */
function asToken(form: URLSearchParams): URLSearchParams {
  const plain = new URLSearchParams(form);
  plain.delete('resource');
  plain.set('audience', idJagAudience);
  plain.set('requested_token_type', jwtType);
  return plain;
}

async function read(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

// A running embedded issuer for tests: a gate (`postern`) that may exchange, two agents, a signing agent, three audiences.
// Real HTTP, real keys; time stands still at `start` unless the test moves the clock.

import type { Test } from 'tap';
import type { Clock } from '../../src/base/ports.ts';
import { type EmbeddedIssuer, startEmbeddedIssuer } from '../../src/sts/issuer.ts';
import { type EmbeddedIssuerConfig, embeddedIssuerSchema } from '../../src/sts/schema.ts';
import { silentLog } from './log.ts';

export const start = 1_800_000_000_000;

export interface MovableClock extends Clock {
  advance(seconds: number): void;
}

export function clockAt(milliseconds: number): MovableClock {
  let at = milliseconds;
  return {
    now: () => at,
    advance(seconds) {
      at += seconds * 1_000;
    },
  };
}

export const gate = { id: 'postern', secret: 'gate-secret' };
export const planner = { id: 'planner', secret: 'planner-secret', sub: 'agent:planner' };
export const researcher = { id: 'researcher', secret: 'researcher-secret', sub: 'agent:researcher' };

export function issuerConfig(changes: Record<string, unknown> = {}): EmbeddedIssuerConfig {
  return embeddedIssuerSchema.parse({
    listen: '127.0.0.1:0',
    clients: [
      { ...gate, may_exchange: true, scopes: ['vectors.read'], audiences: ['postern', 'qdrant'] },
      planner,
      researcher,
    ],
    audiences: [
      { id: 'https://api.openai.com', scopes: ['model.invoke', 'model.list'] },
      { id: 'qdrant', scopes: ['vectors.read', 'vectors.write'] },
      { id: 'agent:researcher' },
    ],
    ...changes,
  });
}

/** Starts an issuer that is closed when the test ends. */
export async function startIssuer(
  t: Test,
  changes: Record<string, unknown> = {},
  clock: Clock = clockAt(start),
): Promise<EmbeddedIssuer> {
  const issuer = await startEmbeddedIssuer({ config: issuerConfig(changes), clock, log: silentLog });
  t.teardown(() => issuer.close());
  return issuer;
}

export interface Client {
  readonly id: string;
  readonly secret: string;
}

export interface TokenAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  /** Claims of the issued token, unverified; empty when none was issued. */
  readonly claims: Record<string, unknown>;
  readonly headers: Headers;
}

/** Posts a form as an authenticated client (client_secret_basic). A list value repeats the parameter. */
export async function post(
  url: string,
  form: Record<string, string | readonly string[] | undefined>,
  client: Client | 'unauthenticated' = gate,
): Promise<TokenAnswer> {
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries(form)) {
    for (const item of [value].flat()) if (item !== undefined) body.append(name, item);
  }
  const headers = client === 'unauthenticated' ? {} : { authorization: basic(client) };
  const response = await fetch(url, { method: 'POST', body, headers });
  const text = await response.text();
  const answer: Record<string, unknown> = text === '' ? {} : JSON.parse(text);
  return {
    status: response.status,
    body: answer,
    claims: typeof answer['access_token'] === 'string' ? claimsOf(answer['access_token']) : {},
    headers: response.headers,
  };
}

function basic({ id, secret }: Client): string {
  return `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
}

export const accessTokenUrn = 'urn:ietf:params:oauth:token-type:access_token';

/** A token exchange of a subject and, where given, an actor; `more` adds or replaces parameters. */
export function exchange(
  issuer: EmbeddedIssuer,
  tokens: { subject: string; actor?: string },
  more: Record<string, string | readonly string[] | undefined> = {},
  client: Client = gate,
): Promise<TokenAnswer> {
  const actor = tokens.actor === undefined ? {} : { actor_token: tokens.actor, actor_token_type: accessTokenUrn };
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token: tokens.subject,
    subject_token_type: accessTokenUrn,
    audience: 'https://api.openai.com',
    ...actor,
    ...more,
  };
  return post(issuer.tokenEndpoint, form, client);
}

/** An agent's own token, by client_credentials. */
export async function ownToken(issuer: EmbeddedIssuer, client: Client): Promise<string> {
  const answer = await post(issuer.tokenEndpoint, { grant_type: 'client_credentials' }, client);
  return String(answer.body['access_token']);
}

export function claimsOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'));
}

export function headerOf(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString('utf8'));
}

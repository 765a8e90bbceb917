// A real authorization server on node:http for the exchange tests. It verifies what it is sent (client, subject token,
// actor token), issues JWTs with nested `act` as RFC 8693 describes, records every request, and misbehaves on demand.

import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { exportPKCS8, generateKeyPair, type JWTPayload, jwtVerify } from 'jose';
import type { Clock } from '../../src/base/ports.ts';
import { Secret } from '../../src/base/secret.ts';
import { readActors } from '../../src/exchange/act.ts';
import { idJagType } from '../../src/exchange/token-type.ts';
import type { JsonObject, VerifiedToken } from '../../src/principal.ts';
import { createIssuerKeys } from './exchange-issuer-keys.ts';
import { createOpaqueTokens } from './exchange-opaque.ts';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly form: URLSearchParams;
}

export interface Misbehaviour {
  /** Changes the claims of what is issued. */
  readonly claims?: (claims: JWTPayload) => JWTPayload;
  /** Changes the JSON of a successful answer. */
  readonly answer?: (answer: Record<string, unknown>) => Record<string, unknown>;
  /** Answers in the issuer's stead. */
  readonly raw?: (response: ServerResponse, received: Received) => void;
  /** Issues opaque tokens instead of JWTs. */
  readonly opaque?: boolean;
  /** Changes what introspection says. */
  readonly introspection?: (answer: Record<string, unknown>) => unknown;
  /** `typ` of what is issued. */
  readonly typ?: string;
}

export interface TestIssuer {
  /** Issuer identifier. */
  readonly url: string;
  readonly tokenEndpoint: string;
  readonly client: { readonly id: string; readonly secret: string; readonly key: string };
  /** Requests to the token endpoint, in order of arrival. */
  readonly received: readonly Received[];
  readonly discoveries: readonly string[];
  readonly jwksUri: string;
  readonly introspectionEndpoint: string;
  /** Requests to the introspection endpoint. */
  readonly introspections: readonly Received[];
  /** Another key signs from now on. */
  rotate(options?: { readonly forget?: boolean }): Promise<void>;
  /** An opaque token is not active any more. */
  revoke(token: string): void;
  /** What its metadata says of proofs (RFC 9449 section 5.1); nothing by default. */
  dpopAlgorithms: readonly string[] | undefined;
  /** Seconds that issued tokens live. */
  lifetime: number;
  /** Until mended with `{}`. */
  misbehave(how: Misbehaviour): void;
  /** Answers wait until the returned function is called. */
  hold(): () => void;
  /** Resolves when this many token requests have arrived. */
  arrived(count: number): Promise<void>;
  mint(sub: string, options?: MintOptions): Promise<VerifiedToken>;
  close(): Promise<void>;
}

export interface MintOptions {
  readonly lifetime?: number;
  readonly act?: JsonObject;
  readonly kind?: 'user' | 'workload';
  readonly claims?: JsonObject;
  readonly audience?: string;
}

export const exchangeGrant = 'urn:ietf:params:oauth:grant-type:token-exchange';

export async function startIssuer(clock: Clock): Promise<TestIssuer> {
  const keys = await createIssuerKeys(clock);
  const opaque = createOpaqueTokens(clock);
  const clientKeys = await generateKeyPair('ES256', { extractable: true });
  const client = { id: 'postern-gate', secret: 'p&ss wörd+', key: await exportPKCS8(clientKeys.privateKey) };
  const received: Received[] = [];
  const discoveries: string[] = [];
  const introspections: Received[] = [];
  const arrivals: { count: number; resolve: () => void }[] = [];
  let how: Misbehaviour = {};
  let gate = Promise.resolve();
  let issuedCount = 0;
  const seconds = () => Math.floor(clock.now() / 1000);

  const server = createServer(async (request, response) => {
    const path = request.url ?? '';
    if (path.includes('/.well-known/')) {
      discoveries.push(path);
      if (path !== '/realm/.well-known/openid-configuration') return void response.writeHead(404).end();
      return sendJson(response, 200, {
        issuer: issuer.url,
        token_endpoint: issuer.tokenEndpoint,
        introspection_endpoint: issuer.introspectionEndpoint,
        dpop_signing_alg_values_supported: issuer.dpopAlgorithms,
      });
    }
    if (path === '/realm/jwks') return sendJson(response, 200, keys.jwks());
    const message: Received = { path, headers: request.headers, form: new URLSearchParams(await readBody(request)) };
    if (path === '/realm/introspect') return introspect(message, response);
    received.push(message);
    for (const arrival of arrivals) if (received.length >= arrival.count) arrival.resolve();
    const behaviour = how;
    await gate;
    if (behaviour.raw !== undefined) return behaviour.raw(response, message);
    const [status, answer] = await decide(message).catch(
      (failure: unknown) => [500, { error: String(failure) }] as const,
    );
    sendJson(response, status, status === 200 ? (behaviour.answer?.(answer) ?? answer) : answer);
  });

  async function introspect(message: Received, response: ServerResponse): Promise<void> {
    introspections.push(message);
    if (!(await authenticates(message.headers, message.form))) {
      return sendJson(response, 401, { error: 'invalid_client' });
    }
    const answer = opaque.introspect(message.form.get('token') ?? '');
    sendJson(response, 200, how.introspection?.(answer) ?? answer);
  }

  async function decide({ headers, form }: Received): Promise<readonly [number, Record<string, unknown>]> {
    if (!(await authenticates(headers, form))) return [401, { error: 'invalid_client' }];
    const claims: JWTPayload = { iss: issuer.url, aud: [...form.getAll('audience'), ...form.getAll('resource')] };
    const scope = form.get('scope');
    if (scope !== null) claims['scope'] = scope;
    if (form.get('grant_type') === 'client_credentials') claims.sub = client.id;
    else if (form.get('grant_type') === exchangeGrant) {
      const subject = await partyOf(form, 'subject');
      if (subject === undefined) return [400, { error: 'invalid_request', error_description: 'bad subject_token' }];
      claims.sub = String(subject.sub);
      if (subject['act'] !== undefined) claims['act'] = subject['act'];
      if (form.has('actor_token')) {
        const actor = await partyOf(form, 'actor');
        if (actor === undefined) return [400, { error: 'invalid_request', error_description: 'bad actor_token' }];
        claims['act'] = {
          iss: actor.iss,
          sub: actor.sub,
          ...(subject['act'] === undefined ? {} : { act: subject['act'] }),
        };
      }
    } else return [400, { error: 'unsupported_grant_type' }];

    issuedCount += 1;
    claims.jti = `issued-${issuedCount}`;
    claims.iat = seconds();
    claims.exp = seconds() + issuer.lifetime;
    const idJag = form.get('requested_token_type') === idJagType;
    if (idJag) Object.assign(claims, { client_id: client.id, aud: form.get('audience'), ...resourceOf(form) });
    const issued = how.claims?.(claims) ?? claims;
    const answer = {
      access_token: how.opaque
        ? opaque.issue(issued)
        : await keys.sign(issued, how.typ ?? (idJag ? idJagTyp : undefined)),
      token_type: idJag ? 'N_A' : 'Bearer',
      expires_in: issuer.lifetime,
      issued_token_type: form.get('requested_token_type') ?? undefined,
    };
    return [200, answer];
  }

  async function partyOf(form: URLSearchParams, party: 'subject' | 'actor'): Promise<JWTPayload | undefined> {
    if (!form.has(`${party}_token_type`)) return undefined;
    return keys.verify(form.get(`${party}_token`) ?? '', issuer.url);
  }

  async function authenticates({ authorization }: IncomingHttpHeaders, form: URLSearchParams): Promise<boolean> {
    const assertion = form.get('client_assertion');
    if (assertion !== null) {
      const options = {
        currentDate: new Date(clock.now()),
        audience: issuer.url,
        issuer: client.id,
        subject: client.id,
      };
      return jwtVerify(assertion, clientKeys.publicKey, options).then(
        () => true,
        () => false,
      );
    }
    if (authorization === undefined)
      return form.get('client_id') === client.id && form.get('client_secret') === client.secret;
    const pair = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString('latin1').split(':');
    const [id, secret] = pair.map((part) => new URLSearchParams(`v=${part}`).get('v'));
    return id === client.id && secret === client.secret;
  }

  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;

  const issuer: TestIssuer = {
    url: `${origin}/realm`,
    tokenEndpoint: `${origin}/realm/token`,
    client,
    received,
    discoveries,
    jwksUri: `${origin}/realm/jwks`,
    introspectionEndpoint: `${origin}/realm/introspect`,
    introspections,
    dpopAlgorithms: undefined,
    rotate: keys.rotate,
    revoke: opaque.revoke,
    lifetime: 300,
    misbehave(next) {
      how = next;
    },
    hold() {
      const { promise, resolve } = Promise.withResolvers<void>();
      gate = promise;
      return () => {
        gate = Promise.resolve();
        resolve();
      };
    },
    arrived(count) {
      if (received.length >= count) return Promise.resolve();
      return new Promise((resolve) => arrivals.push({ count, resolve }));
    },
    async mint(sub, { lifetime = 3_600, act, kind = 'user', claims = {}, audience = 'postern' } = {}) {
      const expiresAt = seconds() + lifetime;
      issuedCount += 1;
      const dates = { iat: seconds(), exp: expiresAt, jti: `minted-${issuedCount}` };
      const payload = { iss: issuer.url, sub, aud: audience, ...dates, ...claims, ...(act && { act }) };
      return {
        token: new Secret(await keys.sign(payload)),
        principal: { kind, iss: issuer.url, sub, claims: payload },
        actors: readActors(act) ?? [],
        audiences: [audience],
        scopes: undefined,
        mayAct: undefined,
        expiresAt,
        jti: undefined,
        txn: undefined,
        trust: 'corp',
      };
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return issuer;
}

/** draft-ietf-oauth-identity-assertion-authz-grant, section 4.1. */
const idJagTyp = 'oauth-id-jag+jwt';

function resourceOf(form: URLSearchParams): JWTPayload {
  const resource = form.get('resource');
  return resource === null ? {} : { resource };
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json;charset=UTF-8', 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}

/** Answers with an OAuth error, and whatever else the story needs. */
export function oauthError(status: number, error: string, more: Record<string, unknown> = {}): Misbehaviour {
  return { raw: (response) => sendJson(response, status, { error, ...more }) };
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks).toString('utf8');
}

// A gate as `serve` starts it, at a given issuer, with an upstream that believes nothing: it verifies every token with the
// issuer's published keys, and each API takes only tokens made for itself.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose';
import type { Test } from 'tap';
import { stringify } from 'yaml';
import { listenOnLoopback } from '../../demo/upstreams/serve.ts';
import { bearerOf } from '../../demo/upstreams/verify.ts';
import { openai, qdrant } from '../../scripts/interop/realm.ts';
import { type App, startApp } from '../../src/app.ts';
import { type Clock, systemClock } from '../../src/base/ports.ts';
import { type AuditRecord, calls, onlyCall } from '../support/e2e-world.ts';
import { silentLog } from '../support/log.ts';
import type { Document, InteropIssuer } from './issuer.ts';

export interface WorldOptions {
  /** Options of the exchange besides the issuer. */
  readonly exchange?: Document;
  /** Options of every route. */
  readonly route?: Document;
  readonly trust?: Document;
  /** The gate is the sidecar of the agent that this token belongs to. */
  readonly ownToken?: string;
  readonly clock?: Clock;
}

export interface Tokens {
  /** In the slot where SDKs put an API key. */
  readonly agent?: string;
  /** In Postern-Subject-Token. */
  readonly user?: string;
}

export interface Received {
  readonly token: string;
  readonly claims: JWTPayload;
}

export interface World {
  readonly app: App;
  /** One call of one API: `openai`, `qdrant` or `researcher`. */
  call(api: string, tokens: Tokens): Promise<readonly [status: number, code: string | null]>;
  /** Tokens that the upstream verified, oldest first. */
  readonly received: readonly Received[];
  /** Stops the gate. @returns the audit records of its calls */
  records(): Promise<readonly AuditRecord[]>;
  /** Stops the gate. @returns the audit record of its only call */
  record(): Promise<AuditRecord>;
}

export async function startWorld(t: Test, issuer: InteropIssuer, options: WorldOptions = {}): Promise<World> {
  const { clock = systemClock } = options;
  const folder = t.testdir({});
  const audit = join(folder, 'audit.jsonl');
  const upstream = await startVerifyingUpstream(t, issuer);
  const configFile = join(folder, 'postern.yaml');
  const tokenFile = join(folder, 'own-token');
  if (options.ownToken !== undefined) writeFileSync(tokenFile, options.ownToken);
  const identity = options.ownToken === undefined ? {} : { mode: 'sidecar', token_file: tokenFile };
  const sections = { identity, audit: { sink: 'file', file: audit, subject: 'raw' } };
  writeFileSync(configFile, stringify({ ...configuration(issuer, options, upstream.url), ...sections }));

  const app = await startApp({ configFile, watch: false, clock, log: silentLog, env: {} });
  let stopped: Promise<void> | undefined;
  const stop = () => {
    stopped ??= app.stop();
    return stopped;
  };
  t.teardown(stop);
  async function records(): Promise<readonly AuditRecord[]> {
    await stop();
    const lines = readFileSync(audit, 'utf8').split('\n');
    // Our own records, written a moment ago: their shape is held by test/telemetry.
    return calls(lines.filter((line) => line !== '').map((line) => JSON.parse(line) as AuditRecord));
  }
  return {
    app,
    received: upstream.received,
    async call(api, { agent, user }) {
      const headers = {
        ...(agent === undefined ? {} : { authorization: `Bearer ${agent}` }),
        ...(user === undefined ? {} : { 'postern-subject-token': user }),
      };
      const answer = await fetch(`${app.outboundUrl}/${api}/things`, { headers });
      await answer.arrayBuffer();
      return [answer.status, answer.headers.get('postern-error')];
    },
    records,
    record: async () => onlyCall(await records()),
  };
}

function configuration(issuer: InteropIssuer, options: WorldOptions, upstream: string): Document {
  const { researcher } = issuer;
  const apis = [
    { name: 'openai', audience: openai, scopes: ['model.invoke'] },
    { name: 'qdrant', audience: qdrant, scopes: ['vectors.read'] },
    { name: 'researcher', ...researcher },
  ];
  return {
    version: 1,
    listen: { outbound: '127.0.0.1:0', admin: '127.0.0.1:0' },
    trust: [
      {
        name: 'corp',
        issuer: issuer.issuer,
        audiences: issuer.audiences,
        principal: 'any',
        workload_when: issuer.workloadWhen,
        ...options.trust,
      },
    ],
    exchanges: {
      corp: {
        grant: 'token_exchange',
        issuer: issuer.issuer,
        client: issuer.client('client_secret_basic'),
        ...options.exchange,
      },
    },
    routes: apis.map((api) => ({
      path: `/${api.name}`,
      upstream: `${upstream}/${api.name}`,
      exchange: 'corp',
      allow: [{ id: 'anyone' }],
      ...api,
      ...options.route,
    })),
  };
}

async function startVerifyingUpstream(t: Test, { issuer, jwksUri, researcher }: InteropIssuer) {
  const audiences = new Map([
    ['openai', openai],
    ['qdrant', qdrant],
    ['researcher', researcher.audience],
  ]);
  const keys = createRemoteJWKSet(new URL(jwksUri));
  const received: Received[] = [];
  const { url, close } = await listenOnLoopback((request, response) => {
    const token = bearerOf(request.headers.authorization) ?? '';
    const audience = audiences.get(request.url?.split('/')[1] ?? '') ?? '';
    jwtVerify(token, keys, { issuer, audience }).then(
      ({ payload }) => {
        received.push({ token, claims: payload });
        response.end();
      },
      (failure: unknown) => response.writeHead(401).end(String(failure)),
    );
  });
  t.teardown(close);
  return { url, received };
}

/** A clock that is ahead by some seconds, which can be changed. */
export function clockAhead(): Clock & { set(seconds: number): void } {
  let ahead = 0;
  return {
    now: () => systemClock.now() + ahead * 1_000,
    set(seconds) {
      ahead = seconds;
    },
  };
}

// A whole gate, started as `serve` starts it: a configuration file, a real issuer, a recording upstream, a collector, an
// audit file. Every port is given by the system and everything ends with the test.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { stringify } from 'yaml';
import { type Collector, type DecodedSpan, startCollector } from '../../demo/collector.ts';
import { type App, startApp } from '../../src/app.ts';
import type { Clock, Log, Timers } from '../../src/base/ports.ts';
import type { JsonObject } from '../../src/principal.ts';
import type { MintOptions } from '../../src/sts/mint.ts';
import { type FrontedIssuer, gateClient, startFrontedIssuer } from './e2e-issuer.ts';
import { type RecordingUpstream, startRecordingUpstream } from './e2e-upstream.ts';
import { type LogLine, recordingLog } from './log.ts';
import { clockAt, start } from './sts-issuer.ts';

export type Document = { readonly [name: string]: unknown };

/** What a configuration refers to. */
export interface Places {
  readonly issuer: FrontedIssuer;
  readonly upstream: RecordingUpstream;
  readonly collector: Collector;
  /** Folder of the configuration. */
  readonly folder: string;
}

export interface WorldOptions {
  /** Sections that replace those of {@link standardConfig}. */
  readonly config?: (places: Places) => Document | Promise<Document>;
  readonly clock?: Clock;
  readonly watch?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Instead of one whose lines the world keeps. */
  readonly log?: Log;
  /** Of those who watch over workers. */
  readonly timers?: Timers;
  /** Whether the issuer answers when the gate starts. */
  readonly issuerDown?: boolean;
}

export interface AuditRecord extends JsonObject {
  readonly event: string;
}

export interface CallOptions {
  /** Tokens to present; by default planner's own and alice's. `null`: none. */
  readonly agent?: string | null;
  readonly user?: string | null;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

export interface World extends Places {
  readonly app: App;
  readonly gate: string;
  readonly configFile: string;
  readonly auditFile: string;
  readonly log: readonly LogLine[];
  /** An agent's own token. */
  agent(name?: string, changes?: Partial<MintOptions>): Promise<string>;
  /** A user's token that `actor` may use. */
  user(name?: string, actor?: string, changes?: Partial<MintOptions>): Promise<string>;
  /** Calls the gate as planner on behalf of alice, unless told otherwise. */
  call(path: string, options?: CallOptions): Promise<Response>;
  /** Writes another configuration into the file, in one step; sections replace those of the standard one. */
  configure(sections: Document): void;
  /** Stops the gate: everything has been recorded then. */
  end(): Promise<{ readonly records: readonly AuditRecord[]; readonly spans: readonly DecodedSpan[] }>;
}

/** The standard route: /api, for anybody, scopes read. */
export function apiRoute({ upstream }: Places, changes: Document = {}): Document {
  return {
    name: 'api',
    path: '/api',
    upstream: upstream.url,
    exchange: 'corp',
    audience: 'api',
    scopes: ['read'],
    allow: [{ id: 'anyone' }],
    ...changes,
  };
}

export function standardConfig(places: Places): Document {
  const { issuer, collector, folder } = places;
  return {
    version: 1,
    listen: { outbound: '127.0.0.1:0', admin: '127.0.0.1:0', drain_timeout: '10s' },
    trust: [
      {
        name: 'corp',
        issuer: issuer.issuer,
        jwks_uri: issuer.jwksUri,
        audiences: ['postern', 'agent:planner', 'agent:researcher', 'agent:writer'],
        principal: 'any',
        workload_when: 'claims.sub_profile == "ai_agent"',
      },
    ],
    exchanges: {
      corp: {
        grant: 'token_exchange',
        issuer: issuer.issuer,
        token_endpoint: issuer.tokenEndpoint,
        client: { ...gateClient, auth: 'client_secret_basic' },
      },
    },
    routes: [apiRoute(places)],
    telemetry: { endpoint: collector.url, subject: 'raw' },
    audit: { sink: 'file', file: join(folder, 'audit.jsonl'), subject: 'raw' },
  };
}

export async function startE2e(t: Test, options: WorldOptions = {}): Promise<World> {
  const { clock = clockAt(start), watch = false, env = {}, config = () => ({}) } = options;
  const folder = t.testdir({});
  const [issuer, upstream, collector] = await Promise.all([
    startFrontedIssuer(t, clock),
    startRecordingUpstream(t),
    startCollector(),
  ]);
  t.teardown(() => collector.close());
  issuer.setDown(options.issuerDown ?? false);
  const places: Places = { issuer, upstream, collector, folder };
  const configFile = join(folder, 'postern.yaml');
  const configure = (sections: Document) => {
    writeFileSync(configFile, stringify({ ...standardConfig(places), ...sections }));
  };
  configure(await config(places));

  const auditFile = join(folder, 'audit.jsonl');
  const log = recordingLog();
  const app = await startApp({
    ...{ configFile, watch, clock, log: options.log ?? log, env: { ...quickSpans, ...env } },
    ...(options.timers && { timers: options.timers }),
  });
  let ended: Promise<void> | undefined;
  const stop = () => {
    ended ??= app.stop();
    return ended;
  };
  t.teardown(stop);

  const agent = (name = 'planner', changes: Partial<MintOptions> = {}) =>
    issuer.mint({ sub: `agent:${name}`, kind: 'workload', ...changes });
  const user = (name = 'alice', actor = 'agent:planner', changes: Partial<MintOptions> = {}) =>
    issuer.mint({
      sub: `user:${name}`,
      audience: ['postern', actor],
      mayAct: { sub: actor, iss: issuer.issuer },
      ...changes,
    });

  async function call(path: string, { agent: own, user: subject, headers, ...init }: CallOptions = {}) {
    const presented = own === undefined ? await agent() : own;
    const onBehalfOf = subject === undefined ? await user() : subject;
    return fetch(`${app.outboundUrl}${path}`, {
      redirect: 'manual',
      ...init,
      headers: {
        ...(presented === null ? {} : { authorization: `Bearer ${presented}` }),
        ...(onBehalfOf === null ? {} : { 'postern-subject-token': onBehalfOf }),
        ...headers,
      },
    });
  }

  return {
    ...places,
    app,
    gate: app.outboundUrl,
    configFile,
    auditFile,
    log: log.lines,
    agent,
    user,
    call,
    configure,
    async end() {
      await stop();
      return { records: readAudit(auditFile), spans: collector.spans() };
    },
  };
}

/** Spans leave at once, so that a test that waits for one does not wait for a batch. */
const quickSpans = { OTEL_BSP_SCHEDULE_DELAY: '10' };

function readAudit(file: string): readonly AuditRecord[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  // Our own records, written a moment ago: their shape is held by test/audit.
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as AuditRecord);
}

/** The records of calls, in the order they ended. */
export function calls(records: readonly AuditRecord[]): readonly AuditRecord[] {
  return records.filter(({ event }) => event.startsWith('postern.access.'));
}

/** The record of the one call there was. */
export function onlyCall(records: readonly AuditRecord[]): AuditRecord {
  const [first, ...more] = calls(records);
  if (first === undefined || more.length > 0) throw new Error(`expected one call, saw ${first ? 1 + more.length : 0}`);
  return first;
}

/** What a client was told: status and public code. */
export function told(answer: Response): readonly [number, string | null] {
  return [answer.status, answer.headers.get('postern-error')];
}

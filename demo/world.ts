// Starts everything the demo needs, on free ports: issuer, four upstreams that verify what they receive, the researcher
// agent, a collector, and the gate with config/demo.yaml. The user's app is played by run-hops.ts.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, startApp } from '../src/app.ts';
import { systemClock } from '../src/base/ports.ts';
import { type EmbeddedIssuer, startEmbeddedIssuer } from '../src/sts/issuer.ts';
import { embeddedIssuerSchema } from '../src/sts/schema.ts';
import { createLog } from '../src/telemetry/log.ts';
import { createOwnToken, type OwnToken } from './agents/own-token.ts';
import { startResearcher } from './agents/researcher.ts';
import { type Collector, startCollector } from './collector.ts';
import { startAnthropic } from './upstreams/anthropic.ts';
import { startMcp } from './upstreams/mcp.ts';
import { startOpenAi } from './upstreams/openai.ts';
import { startQdrant } from './upstreams/qdrant.ts';
import type { Upstream } from './upstreams/serve.ts';

/** Shared by the gate and its issuer, for the length of one demo. */
const gateSecret = 'demo-gate-secret';
const agentSecret = 'demo-agent-secret';

/** Audience of each upstream, by its route in config/demo.yaml. */
const audiences = {
  openai: { id: 'https://api.openai.com', scopes: ['model.invoke', 'model.list'] },
  anthropic: { id: 'https://api.anthropic.com', scopes: ['model.invoke'] },
  qdrant: { id: 'qdrant', scopes: ['vectors.read', 'vectors.write'] },
  mcp: { id: 'mcp-everything', scopes: ['tools.call'] },
  researcher: { id: 'agent:researcher' },
};

export interface DemoWorld {
  readonly app: App;
  readonly issuer: EmbeddedIssuer;
  readonly collector: Collector;
  /** By route. */
  readonly upstreams: ReadonlyMap<string, Upstream>;
  readonly plannerToken: OwnToken;
  /** Audit records written so far. */
  audit(): readonly AuditRecord[];
  /** Stops the gate first, so that every record has been written; then the collector has every span. */
  stopGate(): Promise<void>;
  close(): Promise<void>;
}

/** One line of the audit file, as far as the demo shows it; docs/reference/audit.md has every field. */
export interface AuditRecord {
  readonly event: string;
  readonly trace_id: string;
  readonly span_id: string;
  readonly root_id?: string;
  readonly caller?: { readonly sub: string };
  readonly subject?: { readonly sub: string };
  readonly actors?: readonly { readonly sub: string }[];
  readonly route?: string;
  readonly operation?: string;
  readonly model?: string;
  readonly tool?: string;
  readonly decision: string;
  readonly rule?: string;
  readonly reason?: string;
  readonly cache?: string;
  readonly stripped: readonly string[];
  readonly status: number;
}

export async function startWorld(logLevel: 'silent' | 'warn'): Promise<DemoWorld> {
  const log = createLog({ level: logLevel });
  const folder = mkdtempSync(join(tmpdir(), 'postern-demo-'));
  const auditFile = join(folder, 'audit.jsonl');
  await using starting = new AsyncDisposableStack();
  starting.defer(() => rmSync(folder, { recursive: true }));
  const issuer = await startEmbeddedIssuer({ config: issuerConfig(), log });
  starting.defer(() => issuer.close());
  const collector = await startCollector();
  starting.defer(() => collector.close());
  const gatePort = await freePort();

  const trust = { issuer: issuer.issuer, jwksUri: issuer.jwksUri };
  const verifying = (route: keyof typeof audiences) => ({ ...trust, audience: audiences[route].id });
  const ownToken = (clientId: string) =>
    createOwnToken({ tokenEndpoint: issuer.tokenEndpoint, clientId, clientSecret: agentSecret });
  const [openai, anthropic, qdrant, mcp, researcher] = await Promise.all([
    startOpenAi(verifying('openai')),
    startAnthropic(verifying('anthropic')),
    startQdrant(verifying('qdrant')),
    startMcp(verifying('mcp')),
    startResearcher({
      ...verifying('researcher'),
      gate: `http://127.0.0.1:${gatePort}`,
      ownToken: ownToken('researcher'),
    }),
  ]);
  const upstreams = new Map(Object.entries({ openai, anthropic, qdrant, mcp, researcher }));
  for (const upstream of upstreams.values()) starting.defer(() => upstream.close());

  const app = await startApp({
    configFile: join(import.meta.dirname, '../config/demo.yaml'),
    watch: false,
    clock: systemClock,
    log,
    env: {
      DEMO_GATE_PORT: String(gatePort),
      DEMO_ADMIN_PORT: '0',
      DEMO_ISSUER: issuer.issuer,
      DEMO_GATE_SECRET: gateSecret,
      DEMO_OPENAI: openai.url,
      DEMO_ANTHROPIC: anthropic.url,
      DEMO_QDRANT: qdrant.url,
      DEMO_MCP: mcp.url,
      DEMO_RESEARCHER: researcher.url,
      DEMO_COLLECTOR: collector.url,
      DEMO_AUDIT: auditFile,
    },
  });

  const running = starting.move();
  let stopped: Promise<void> | undefined;
  const stopGate = () => {
    stopped ??= app.stop();
    return stopped;
  };
  return {
    app,
    issuer,
    collector,
    upstreams,
    plannerToken: ownToken('planner'),
    audit: () => readAudit(auditFile),
    stopGate,
    async close() {
      await stopGate();
      await running.disposeAsync();
    },
  };
}

function issuerConfig() {
  return embeddedIssuerSchema.parse({
    listen: '127.0.0.1:0',
    clients: [
      { id: 'postern', secret: gateSecret, may_exchange: true },
      { id: 'planner', secret: agentSecret, sub: 'agent:planner' },
      { id: 'researcher', secret: agentSecret, sub: 'agent:researcher' },
    ],
    audiences: Object.values(audiences),
  });
}

function readAudit(file: string): readonly AuditRecord[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  // Our own records, written a moment ago: their shape is held by test/audit.
  return lines.filter((line) => line.includes('"postern.access.')).map((line) => JSON.parse(line) as AuditRecord);
}

/** The researcher must know the gate's address before the gate can start with the researcher's. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== 'object' || address === null) throw new TypeError('no port was given');
  return address.port;
}

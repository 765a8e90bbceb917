// Starts the world of the chain demo on free ports: issuer, collector, the tool, two agents and a sidecar for each. The sidecars
// are two whole gates in one process; nothing joins them but what goes over the wire.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, startApp } from '../../src/app.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { type Collector, startCollector } from '../collector.ts';
import { gateSecret } from '../recording-issuer.ts';
import { startMcp } from '../upstreams/mcp.ts';
import type { Upstream } from '../upstreams/serve.ts';
import type { AuditRecord } from '../world.ts';
import { type ChainAgent, plannersWork, researchersWork, startChainAgent } from './agents.ts';
import { createDemoClock, type DemoClock } from './clock.ts';
import { type ChainIssuer, startChainIssuer } from './issuer.ts';

/** How long the sidecars' own tokens live, in seconds: longer than any demo, however far its clock is put ahead. */
const ownTokenTtl = 86_400;

export type SidecarName = 'planner' | 'researcher';

/** One line of an audit file, as far as this demo needs more of it than the other. */
export interface ChainRecord extends AuditRecord {
  readonly request_id: string;
  readonly binding?: string;
  readonly code?: string;
  readonly credential?: { readonly kind: string; readonly audience?: string };
}

export interface Sidecar {
  readonly name: SidecarName;
  readonly agent: ChainAgent;
  readonly inbound: string;
  readonly outbound: string;
  readonly auditFile: string;
  /** Records of calls, in the order they ended; all of them once the world has stopped. */
  records(): readonly ChainRecord[];
}

export interface ChainWorld {
  readonly clock: DemoClock;
  readonly issuer: ChainIssuer;
  readonly collector: Collector;
  readonly tool: Upstream;
  readonly planner: Sidecar;
  readonly researcher: Sidecar;
  /** Reloads the researcher's sidecar so that calls to the tool may go by trace. */
  goByTrace(): Promise<void>;
  /** Stops both sidecars: every record has been written and every span sent then. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

export async function startChainWorld(): Promise<ChainWorld> {
  const log = createLog({ level: 'warn' });
  const clock = createDemoClock();
  const folder = mkdtempSync(join(tmpdir(), 'postern-chain-'));
  await using starting = new AsyncDisposableStack();
  starting.defer(() => rmSync(folder, { recursive: true }));
  const issuer = await startChainIssuer({ clock, log });
  starting.defer(() => issuer.close());
  const collector = await startCollector();
  starting.defer(() => collector.close());
  const { issuer: iss, jwksUri } = issuer;
  const tool = await startMcp({ issuer: iss, jwksUri, audience: 'mcp-everything' });
  starting.defer(() => tool.close());

  async function startSidecar(name: SidecarName, agent: ChainAgent, env: Record<string, string>) {
    starting.defer(() => agent.close());
    const [identity, auditFile] = [join(folder, `${name}.token`), join(folder, `${name}-audit.jsonl`)];
    writeFileSync(identity, await issuer.mint({ sub: `agent:${name}`, kind: 'workload', ttl: ownTokenTtl }));
    Object.assign(env, {
      DEMO_ISSUER: iss,
      DEMO_TOKEN_ENDPOINT: issuer.tokenEndpoint,
      DEMO_GATE_SECRET: gateSecret,
      DEMO_COLLECTOR: collector.url,
      DEMO_IDENTITY: identity,
      DEMO_AGENT: agent.url,
      DEMO_AUDIT: auditFile,
    });
    const configFile = join(import.meta.dirname, `../../config/demo-chain-${name}.yaml`);
    const app = await startApp({ configFile, watch: false, clock, log, env });
    starting.defer(() => app.stop());
    agent.goOutBy(app.outboundUrl);
    return { app, sidecar: sidecarOf(name, app, agent, auditFile) };
  }

  const researcherEnv: Record<string, string> = { DEMO_TOOL: tool.url, DEMO_SUBJECT_FROM: 'credential' };
  const researcher = await startSidecar('researcher', await startChainAgent(researchersWork), researcherEnv);
  const plannerEnv = { DEMO_RESEARCHER: researcher.sidecar.inbound };
  const planner = await startSidecar('planner', await startChainAgent(plannersWork), plannerEnv);

  const running = starting.move();
  let stopped: Promise<void> | undefined;
  async function stop(): Promise<void> {
    stopped ??= planner.app.stop().then(() => researcher.app.stop());
    return stopped;
  }
  return {
    ...{ clock, issuer, collector, tool, stop },
    planner: planner.sidecar,
    researcher: researcher.sidecar,
    async goByTrace() {
      researcherEnv['DEMO_SUBJECT_FROM'] = 'trace';
      await researcher.app.reload();
    },
    async close() {
      await stop();
      await running.disposeAsync();
    },
  };
}

function sidecarOf(name: SidecarName, app: App, agent: ChainAgent, auditFile: string): Sidecar {
  const { inboundUrl: inbound, outboundUrl: outbound } = app;
  if (inbound === undefined) throw new TypeError(`nothing comes in to ${name}`);
  return { name, agent, inbound, outbound, auditFile, records: () => readRecords(auditFile) };
}

function readRecords(file: string): readonly ChainRecord[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  // Our own records, written a moment ago: their shape is held by test/audit.
  return lines.filter((line) => line.includes('"postern.access.')).map((line) => JSON.parse(line) as ChainRecord);
}

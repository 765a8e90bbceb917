// Starts everything the federation demo needs, on free ports: the organisation's issuer, the vendors' token endpoints and APIs, a
// collector, the agent, and one gate with config/demo-federation.yaml on both sides of it.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type App, startApp } from '../../src/app.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { chainClient } from '../../test/support/exchange-vendors/authorization-server.ts';
import { entraAudience } from '../../test/support/exchange-vendors/entra.ts';
import { createDemoClock, type DemoClock } from '../chain/clock.ts';
import { type Collector, startCollector } from '../collector.ts';
import { gateSecret, type RecordingIssuer } from '../recording-issuer.ts';
import { type Agent, startAgent } from './agent.ts';
import { startIssuer } from './issuer.ts';
import { audiences, type Logins, serversOf, startLogins } from './logins.ts';
import { type StandingKeys, startVendors, type Vendor } from './vendors.ts';

export const configFile = join(import.meta.dirname, '../../config/demo-federation.yaml');

/** How long the gate's own tokens live, in seconds: longer than the demo, however far its clock is put ahead. */
const ownTokenTtl = 86_400;

/** What nobody but the gate has; long-lived, and so the exception. */
export const standingKeys: StandingKeys = {
  gemini: 'AIza-standing-key-of-gemini-0001',
  qdrant: 'standing-key-of-qdrant-0001',
  pinecone: 'pcsk_standing-key-of-pinecone-0001',
};

export interface FederationWorld {
  readonly app: App;
  readonly inbound: string;
  readonly clock: DemoClock;
  readonly issuer: RecordingIssuer;
  readonly logins: Logins;
  readonly vendors: readonly Vendor[];
  readonly agent: Agent;
  readonly collector: Collector;
  /** What proves the gate, and through it the agent: to the issuer, and to Entra. */
  readonly ownTokens: readonly string[];
  /** The audit log so far, as text. */
  audit(): string;
  /** Stops the gate: every record has been written and every span sent then. */
  stopGate(): Promise<void>;
  close(): Promise<void>;
}

export async function startFederationWorld(): Promise<FederationWorld> {
  const log = createLog({ level: 'warn' });
  const clock = createDemoClock();
  const folder = mkdtempSync(join(tmpdir(), 'postern-federation-'));
  await using starting = new AsyncDisposableStack();
  starting.defer(() => rmSync(folder, { recursive: true }));
  const issuer = await startIssuer({ clock, log, audiences });
  starting.defer(() => issuer.close());
  const [logins, collector, agent] = await Promise.all([startLogins(clock, issuer), startCollector(), startAgent()]);
  for (const part of [...serversOf(logins), collector, agent]) starting.defer(() => part.close());
  const vendors = await startVendors({ clock, issuer, logins, keys: standingKeys });
  for (const { api } of vendors) starting.defer(() => api.close());

  const own = { sub: 'agent:assistant', kind: 'workload', ttl: ownTokenTtl } as const;
  const [identity, assertion] = await Promise.all([issuer.mint(own), issuer.mint({ ...own, audience: entraAudience })]);
  const file = (name: string) => join(folder, name);
  writeFileSync(file('identity.token'), identity);
  writeFileSync(file('entra.token'), assertion);
  const env = {
    DEMO_ISSUER: issuer.issuer,
    DEMO_TOKEN_ENDPOINT: issuer.tokenEndpoint,
    DEMO_GATE_SECRET: gateSecret,
    DEMO_PARTNER_SECRET: chainClient.secret,
    DEMO_AGENT: agent.url,
    DEMO_IDENTITY: file('identity.token'),
    DEMO_ENTRA_ASSERTION: file('entra.token'),
    DEMO_COLLECTOR: collector.url,
    DEMO_AUDIT: file('audit.jsonl'),
    ...namedBy(
      (name) => `DEMO_${name}_LOGIN`,
      Object.entries(logins).map(([name, { url }]) => [name, url]),
    ),
    ...namedBy(
      (name) => `DEMO_${name}`,
      vendors.map(({ route, api }) => [route, api.url]),
    ),
    ...namedBy((name) => `DEMO_${name}_KEY`, Object.entries(standingKeys)),
  };
  const app = await startApp({ configFile, watch: false, clock, log, env });
  starting.defer(() => app.stop());
  agent.goOutBy(app.outboundUrl);
  if (app.inboundUrl === undefined) throw new TypeError('nothing comes in to the agent');

  const running = starting.move();
  let stopped: Promise<void> | undefined;
  const stopGate = () => {
    stopped ??= app.stop();
    return stopped;
  };
  return {
    ...{ app, clock, issuer, logins, vendors, agent, collector, stopGate },
    inbound: app.inboundUrl,
    ownTokens: [identity, assertion],
    audit: () => readFileSync(file('audit.jsonl'), 'utf8'),
    async close() {
      await stopGate();
      await running.disposeAsync();
    },
  };
}

/** `azure-openai` becomes `AZURE_OPENAI`, as the configuration names it. */
function namedBy(name: (part: string) => string, values: readonly (readonly [string, string])[]) {
  return Object.fromEntries(values.map(([key, value]) => [name(key.toUpperCase().replaceAll('-', '_')), value]));
}

// What the admin listener shows: health, readiness, metrics, what is revoked, and the routes with what an agent has to set
// for each. Read models only; must never hold a credential, a token or a subject.

import type { AdminPage, AdminPages } from '../listeners/admin.ts';
import { prometheusContentType } from '../telemetry/prometheus.ts';
import type { Gate } from './gate.ts';
import type { Readiness } from './readiness.ts';

export interface PageSources {
  readonly gate: () => Gate;
  readonly gateUrl: string;
  readonly readiness: () => Promise<Readiness>;
  readonly draining: () => boolean;
  readonly prometheus: () => Promise<string>;
  /** Resolves when what is revoked is in force wherever calls are carried. */
  readonly revoked: () => Promise<void>;
}

const json = 'application/json';

export function adminPages(sources: PageSources): AdminPages {
  return new Map<string, () => AdminPage | Promise<AdminPage>>([
    ['/livez', () => ({ contentType: 'text/plain; charset=utf-8', body: 'ok\n' })],
    ['/readyz', () => readyPage(sources)],
    ['/metrics', async () => ({ contentType: prometheusContentType, body: await sources.prometheus() })],
    ['/revocations', () => revocationsPage(sources)],
    ['/routes', () => ({ contentType: json, body: toJson(describeRoutes(sources.gate(), sources.gateUrl)) })],
  ]);
}

async function readyPage({ readiness, draining }: PageSources): Promise<AdminPage> {
  if (draining()) return { status: 503, contentType: json, body: toJson({ ready: false, draining: true }) };
  const state = await readiness();
  return { status: state.ready ? 200 : 503, contentType: json, body: toJson(state) };
}

/** Whoever sees an entry here may rely on it: it is shown once it is in force everywhere. */
async function revocationsPage({ gate, revoked }: PageSources): Promise<AdminPage> {
  const page = gate().revocations?.page() ?? {};
  await revoked();
  return { contentType: json, body: toJson(page) };
}

export interface RouteDescription {
  readonly id: string;
  readonly preset: string | undefined;
  readonly path: string;
  readonly host: string | undefined;
  readonly upstream: string;
  readonly exchange: string;
  /** `static` is standing privilege: a long-lived key that no exchange narrows or ends. */
  readonly credential: string;
  readonly audience: string | undefined;
  readonly onBehalfOf: string;
  readonly rules: readonly string[];
  readonly owners: { readonly issuance: string | undefined; readonly policy: string | undefined };
  readonly client: {
    readonly baseUrlEnv: string | undefined;
    readonly baseUrl: string;
    readonly credentialSlot: string;
  };
}

/** @param gateUrl what `{gate}` in a preset's base URL stands for */
export function describeRoutes(gate: Gate, gateUrl: string): readonly RouteDescription[] {
  const kinds = new Map(gate.broker.status().map(({ name, kind }) => [name, kind]));
  return gate.routes.map(({ config, spec }) => ({
    id: spec.id,
    preset: spec.preset,
    path: spec.path,
    host: spec.host,
    upstream: `${spec.upstream.origin}${spec.upstream.basePath}`,
    exchange: config.exchange,
    credential: kinds.get(config.exchange) ?? 'none',
    audience: config.audience,
    onBehalfOf: config.on_behalf_of,
    rules: config.allow.map(({ id }) => id),
    owners: spec.owners,
    client: {
      baseUrlEnv: spec.client.baseUrlEnv,
      baseUrl: spec.client.baseUrl.replaceAll('{gate}', gateUrl),
      credentialSlot: spec.client.credentialSlot,
    },
  }));
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

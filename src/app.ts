// The composition root: a configuration becomes a running gate that can be reloaded and stopped.
// The only file, with wiring/, that knows every feature. A reload that fails must leave the running gate untouched.

import { randomUUID } from 'node:crypto';
import { resolve } from 'node:path';
import { openAudit } from './audit/audit.ts';
import { asRefusal } from './base/errors.ts';
import { loadConfig } from './config/load.ts';
import { createCustody } from './identity/custody.ts';
import { type AdminListener, listenAdmin } from './listeners/admin.ts';
import { gateUrlOf } from './listeners/schema.ts';
import type { EmbeddedIssuer, startEmbeddedIssuer } from './sts/issuer.ts';
import { createAuditCopies } from './telemetry/audit-copies.ts';
import { createTelemetry } from './telemetry/observe.ts';
import { createPseudonym } from './telemetry/pseudonym.ts';
import { version } from './version.ts';
import { startCarriers } from './wiring/carriers.ts';
import { compileGate, type Gate } from './wiring/gate.ts';
import { watchAudit } from './wiring/gauges.ts';
import { createInspect } from './wiring/inspect.ts';
import { createKeys } from './wiring/keys.ts';
import { readManuscript } from './wiring/manuscript.ts';
import { adminPages } from './wiring/pages.ts';
import type { Readiness } from './wiring/readiness.ts';
import { changedBeyondReload, insecureOptions } from './wiring/reload.ts';
import { openRevocations, type Revocations } from './wiring/revocations.ts';
import { watchFiles } from './wiring/watch.ts';
import type { World } from './wiring/world.ts';

export interface AppOptions extends World {
  /** The configuration file. */
  readonly configFile: string;
  /** Reload when the file changes; on by default. */
  readonly watch?: boolean;
}

export interface App {
  readonly outboundUrl: string;
  readonly adminUrl: string;
  /** Where callers of the agent call; undefined where nothing comes in. */
  readonly inboundUrl: string | undefined;
  /** Threads that carry calls. */
  readonly workers: number;
  /** Of the embedded issuer, where one is configured. */
  readonly issuer: EmbeddedIssuer | undefined;
  /** What is revoked. */
  readonly revocations: Revocations;
  /** The gate in force now. */
  gate(): Gate;
  readiness(): Promise<Readiness>;
  /** Loads the file again. @returns whether another configuration is in force now. @throws ConfigError, changing nothing. */
  reload(): Promise<boolean>;
  /** Goes on for the configured delay, lets live calls end within the drain timeout, then stops everything. */
  stop(): Promise<void>;
}

/** Its code is loaded only where one is configured: a fifth of all that a start would load. */
async function startIssuer(options: Parameters<typeof startEmbeddedIssuer>[0]): Promise<EmbeddedIssuer> {
  const { startEmbeddedIssuer } = await import('./sts/issuer.ts');
  return startEmbeddedIssuer(options);
}

/** @throws ConfigError for a configuration that cannot be used, bind errors as Node gives them. */
export async function startApp(options: AppOptions): Promise<App> {
  const { clock, log, env } = options;
  const configFile = resolve(options.configFile);
  const source = { file: configFile, env, inspect: createInspect(options) };
  const manuscript = await readManuscript(source);
  let { loaded } = manuscript;
  const keys = createKeys(loaded.config);
  // Ends in reverse order, also when the start fails halfway: nothing may go on listening then.
  await using starting = new AsyncDisposableStack();
  const revocations = await openRevocations({ loaded, clock, log });
  starting.defer(async () => revocations.close());
  const parts = { custody: createCustody(clock), sessionKey: keys.sessions, revocations };
  let gate = compileGate(loaded, options, parts);
  let draining = false;
  for (const option of insecureOptions(loaded.config)) log.warn({ option }, 'unsafe option is on');

  const { listen, telemetry: telemetryConfig, audit: auditConfig, sts } = loaded.config;
  const issuer = sts.embedded && (await startIssuer({ config: sts.embedded, log }));
  starting.defer(async () => issuer?.close());
  let admin: AdminListener | undefined;
  starting.defer(async () => admin?.close());
  const pseudonym = createPseudonym(keys.subjects);
  const told = { telemetry: telemetryConfig, env, clock, log, version, instance: randomUUID() };
  const copies = createAuditCopies({ ...told, wanted: auditConfig.otlp });
  starting.defer(async () => copies?.close());
  const audit = openAudit({ audit: auditConfig, pseudonym, clock, log, version, copy: copies?.write });
  starting.defer(() => audit.close());
  const telemetry = createTelemetry({ ...told, audit, pseudonym });
  starting.defer(() => telemetry.close());
  watchAudit(telemetry, audit, copies);

  const { custody } = parts;
  const carriers = await startCarriers({ ...options, manuscript, gate, custody, keys, telemetry, audit });
  starting.defer(() => carriers.close());
  revocations.recordIn({ event: carriers.tell, form: auditConfig.subject, pseudonym });
  const revoke = () => revocations.refresh().then(carriers.revoked);
  admin = await listenAdmin(
    listen.admin,
    adminPages({
      gate: () => gate,
      gateUrl: gateUrlOf(listen, carriers.outboundUrl),
      readiness: carriers.readiness,
      draining: () => draining,
      prometheus: carriers.prometheus,
      revoked: carriers.revoked,
    }),
  );
  telemetry.event('postern.config.changed', { digest: loaded.digest, policy_version: gate.permit.version });

  // One at a time, in the order asked for: a slower, older read of the file must not win over a newer one.
  let turn: Promise<unknown> = Promise.resolve();
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(work);
    turn = mine.catch(() => undefined);
    return mine;
  }

  async function reload(): Promise<boolean> {
    await revoke();
    const next = await readManuscript(source);
    const fixed = changedBeyondReload(loaded.config, next.loaded.config);
    if (fixed.length > 0) log.warn({ sections: fixed }, 'these sections take effect at the next start only');
    const nextGate = compileGate(next.loaded, options, parts);
    await carriers.take(next, nextGate);
    const changed = next.loaded.digest !== loaded.digest;
    gate = nextGate;
    ({ loaded } = next);
    telemetry.event('postern.config.changed', { digest: loaded.digest, policy_version: gate.permit.version });
    log.info({ routes: gate.routes.length, policy_version: gate.permit.version }, 'configuration reloaded');
    return changed;
  }

  async function reloadIfChanged(): Promise<void> {
    try {
      const next = await loadConfig({ file: configFile, env });
      if (next.digest !== loaded.digest) await reload();
    } catch (failure) {
      log.error(
        { problem: failure instanceof Error ? failure.message : asRefusal(failure).reason },
        'configuration kept',
      );
    }
  }

  const watching = options.watch === false ? undefined : watchFiles([configFile], () => void inTurn(reloadIfChanged));
  starting.defer(async () => watching?.close());

  const running = starting.move();
  return {
    outboundUrl: carriers.outboundUrl,
    adminUrl: admin.url,
    inboundUrl: carriers.inboundUrl,
    workers: carriers.count,
    issuer,
    revocations: { ...revocations, refresh: revoke },
    gate: () => gate,
    readiness: carriers.readiness,
    reload: () => inTurn(reload),
    async stop() {
      draining = true;
      if (listen.drain_delay > 0) await new Promise((resolve) => setTimeout(resolve, listen.drain_delay));
      await running.disposeAsync();
    },
  };
}

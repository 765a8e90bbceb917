// The composition root: a configuration becomes a running gate that can be reloaded and stopped.
// The only file, with wiring/, that knows every feature. A reload that fails must leave the running gate untouched.

import { resolve } from 'node:path';
import { openAudit } from './audit/audit.ts';
import { asRefusal } from './base/errors.ts';
import { loadConfig } from './config/load.ts';
import { createCustody } from './identity/custody.ts';
import { type AdminListener, listenAdmin } from './listeners/admin.ts';
import { listenInbound } from './listeners/inbound.ts';
import { listenOutbound } from './listeners/outbound.ts';
import { type EmbeddedIssuer, startEmbeddedIssuer } from './sts/issuer.ts';
import { createTelemetry } from './telemetry/observe.ts';
import { createPseudonym } from './telemetry/pseudonym.ts';
import { version } from './version.ts';
import { compileGate, type Gate } from './wiring/gate.ts';
import { watchAudit, watchGate } from './wiring/gauges.ts';
import { createGeneration } from './wiring/generation.ts';
import { inboundPipeline } from './wiring/inbound.ts';
import { adminPages } from './wiring/pages.ts';
import { createReadiness, type Readiness } from './wiring/readiness.ts';
import { createAssemble } from './wiring/recorded.ts';
import { changedBeyondReload, insecureOptions } from './wiring/reload.ts';
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
  /** Of the embedded issuer, where one is configured. */
  readonly issuer: EmbeddedIssuer | undefined;
  /** The gate in force now. */
  gate(): Gate;
  readiness(): Promise<Readiness>;
  /** Loads the file again. @returns whether another configuration is in force now. @throws ConfigError, changing nothing. */
  reload(): Promise<boolean>;
  /** Lets live calls end within the configured drain timeout, then stops everything. */
  stop(): Promise<void>;
}

/** @throws ConfigError for a configuration that cannot be used, bind errors as Node gives them. */
export async function startApp(options: AppOptions): Promise<App> {
  const { clock, log, env } = options;
  const configFile = resolve(options.configFile);
  let loaded = await loadConfig({ file: configFile, env });
  const custody = createCustody(clock);
  let gate = compileGate(loaded, options, custody);
  let readiness = createReadiness(gate, clock);
  let draining = false;
  for (const option of insecureOptions(loaded.config)) log.warn({ option }, 'unsafe option is on');

  const { listen, telemetry: telemetryConfig, audit: auditConfig, sts } = loaded.config;
  // Ends in reverse order, also when the start fails halfway: nothing may go on listening then.
  await using starting = new AsyncDisposableStack();
  const issuer = sts.embedded && (await startEmbeddedIssuer({ config: sts.embedded, log }));
  starting.defer(async () => issuer?.close());
  let admin: AdminListener | undefined;
  starting.defer(async () => admin?.close());
  const pseudonym = createPseudonym(telemetryConfig.subject_key);
  const audit = openAudit({ audit: auditConfig, pseudonym, clock, log, version });
  starting.defer(() => audit.close());
  const telemetry = createTelemetry({ telemetry: telemetryConfig, audit, pseudonym, env, clock, log, version });
  starting.defer(() => telemetry.close());
  starting.defer(() => gate.closeNow());
  starting.defer(async () => custody.close());
  watchGate(telemetry, () => gate);
  watchAudit(telemetry, audit);

  const { observe } = telemetry;
  const assemble = createAssemble(telemetry, audit);
  let generation = createGeneration(assemble({ ...gate.stages, observe }));
  let incoming = createGeneration(inboundPipeline(gate, telemetry, assemble));
  const bounds = { maxHeaderBytes: listen.max_header_size, keepAliveMs: listen.keep_alive, clock, log };
  const outbound = await listenOutbound({
    ...bounds,
    address: listen.outbound,
    carry: (arrival) => generation.carry(arrival),
  });
  starting.defer(() => outbound.drain(listen.drain_timeout));
  const inbound = await listenInbound({
    ...bounds,
    address: loaded.config.inbound?.listen,
    carry: (arrival) => incoming.carry(arrival),
  });
  // Ends first: what has come in is finished with calls that go out.
  starting.defer(async () => inbound?.drain(listen.drain_timeout));
  admin = await listenAdmin(
    listen.admin,
    adminPages({
      gate: () => gate,
      gateUrl: outbound.url,
      readiness: () => readiness.check(),
      draining: () => draining,
      prometheus: telemetry.prometheus,
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
    const next = await loadConfig({ file: configFile, env });
    const fixed = changedBeyondReload(loaded.config, next.config);
    if (fixed.length > 0) log.warn({ sections: fixed }, 'these sections take effect at the next start only');
    const [oldGate, oldGenerations] = [gate, [generation, incoming]];
    gate = compileGate(next, options, custody);
    const changed = next.digest !== loaded.digest;
    loaded = next;
    readiness = createReadiness(gate, clock);
    generation = createGeneration(assemble({ ...gate.stages, observe }));
    incoming = createGeneration(inboundPipeline(gate, telemetry, assemble));
    Promise.all(oldGenerations.map((old) => old.idle()))
      .then(() => oldGate.close())
      .catch((failure: unknown) => log.warn({ err: failure }, 'the previous gate did not close cleanly'));
    void readiness.check();
    telemetry.event('postern.config.changed', { digest: next.digest, policy_version: gate.permit.version });
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
  void readiness.check();

  const running = starting.move();
  return {
    outboundUrl: outbound.url,
    adminUrl: admin.url,
    inboundUrl: inbound?.url,
    issuer,
    gate: () => gate,
    readiness: () => readiness.check(),
    reload: () => inTurn(reload),
    async stop() {
      draining = true;
      await running.disposeAsync();
    },
  };
}

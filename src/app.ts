// The composition root: a configuration becomes a running gate that can be reloaded and stopped.
// The only file, with wiring/, that knows every feature. A reload that fails must leave the running gate untouched.

import { resolve } from 'node:path';
import { asRefusal } from './base/errors.ts';
import { loadConfig } from './config/load.ts';
import { listenAdmin } from './listeners/admin.ts';
import { listenOutbound } from './listeners/outbound.ts';
import { createPipeline } from './pipeline.ts';
import { type EmbeddedIssuer, startEmbeddedIssuer } from './sts/issuer.ts';
import { createTelemetry } from './telemetry/observe.ts';
import { version } from './version.ts';
import { compileGate, type Gate } from './wiring/gate.ts';
import { watchGate } from './wiring/gauges.ts';
import { adminPages } from './wiring/pages.ts';
import { createReadiness, type Readiness } from './wiring/readiness.ts';
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
  let gate = compileGate(loaded, options);
  let readiness = createReadiness(gate, clock);
  let draining = false;
  for (const option of insecureOptions(loaded.config)) log.warn({ option }, 'unsafe option is on');

  const { listen, telemetry: telemetryConfig, audit, sts } = loaded.config;
  const telemetry = createTelemetry({ telemetry: telemetryConfig, audit, env, clock, log, version });
  watchGate(telemetry, () => gate);
  const issuer = sts.embedded && (await startEmbeddedIssuer({ config: sts.embedded, log }));

  const { observe } = telemetry;
  let carry = createPipeline({ ...gate.stages, observe });
  const outbound = await listenOutbound({
    address: listen.outbound,
    maxHeaderBytes: listen.max_header_size,
    keepAliveMs: listen.keep_alive,
    carry: (arrival) => carry(arrival),
    clock,
    log,
  });
  const admin = await listenAdmin(
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

  async function reload(): Promise<boolean> {
    const next = await loadConfig({ file: configFile, env });
    const fixed = changedBeyondReload(loaded.config, next.config);
    if (fixed.length > 0) log.warn({ sections: fixed }, 'these sections take effect at the next start only');
    const old = gate;
    gate = compileGate(next, options);
    const changed = next.digest !== loaded.digest;
    loaded = next;
    readiness = createReadiness(gate, clock);
    carry = createPipeline({ ...gate.stages, observe });
    void old.close().catch((failure: unknown) => log.warn({ err: failure }, 'the previous gate did not close cleanly'));
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

  const watching = options.watch === false ? undefined : watchFiles([configFile], () => void reloadIfChanged());
  void readiness.check();

  return {
    outboundUrl: outbound.url,
    adminUrl: admin.url,
    issuer,
    gate: () => gate,
    readiness: () => readiness.check(),
    reload,
    async stop() {
      draining = true;
      watching?.close();
      await outbound.drain(listen.drain_timeout);
      await gate.closeNow();
      await telemetry.close();
      await admin.close();
      await issuer?.close();
    },
  };
}

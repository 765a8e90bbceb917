// What carries calls: the gate in force with its pipelines and listeners. There is one in the only thread, or one in each
// worker. Takes another gate without letting go of a call: those under way end with the gate they began with.

import type { Audit } from '../audit/audit.ts';
import type { Custody } from '../identity/custody.ts';
import { type InboundListener, listenInbound } from '../listeners/inbound.ts';
import { listenOutbound, type OutboundOptions } from '../listeners/outbound.ts';
import type { Telemetry } from '../telemetry/observe.ts';
import type { Gate } from './gate.ts';
import { watchGate } from './gauges.ts';
import { createGeneration } from './generation.ts';
import { inboundPipeline } from './inbound.ts';
import { createReadiness, type Readiness } from './readiness.ts';
import { createAssemble } from './recorded.ts';
import type { World } from './world.ts';

export interface Carrier {
  readonly outboundUrl: string;
  /** undefined where nothing comes in. */
  readonly inboundUrl: string | undefined;
  readiness(): Promise<Readiness>;
  /** Calls that agents began so far. */
  taken(): number;
  /** From now on calls take this gate; the one before is closed when its last call has ended. */
  take(gate: Gate): void;
  /** Stops accepting, and lets live calls end within the configured time. */
  drain(): Promise<void>;
  /** Drains, then gives up connections, keys and credentials. */
  close(): Promise<void>;
}

export interface CarrierOptions extends Pick<World, 'clock' | 'log'> {
  readonly gate: Gate;
  readonly custody: Custody;
  readonly telemetry: Telemetry;
  readonly audit: Audit;
  /** Where to listen, if not where the configuration says; several threads may share a port. */
  readonly outbound?: Pick<OutboundOptions, 'address' | 'shared'>;
}

/** @throws bind errors as Node gives them; the gate is closed then */
export async function startCarrier(options: CarrierOptions): Promise<Carrier> {
  const { custody, telemetry, audit, clock, log } = options;
  const { observe } = telemetry;
  const { listen, inbound: inboundConfig } = options.gate.config;
  const assemble = createAssemble(telemetry, audit);
  let current = inForce(options.gate);
  let taken = 0;
  watchGate(telemetry, () => current.gate);

  function inForce(gate: Gate) {
    return {
      gate,
      readiness: createReadiness(gate, clock),
      outgoing: createGeneration(assemble({ ...gate.stages, observe })),
      incoming: createGeneration(inboundPipeline(gate, telemetry, assemble)),
    };
  }

  // Ends in reverse order, also when a listener cannot be bound: nothing may go on listening then.
  await using starting = new AsyncDisposableStack();
  starting.defer(() => current.gate.closeNow());
  starting.defer(async () => custody.close());
  const bounds = { maxHeaderBytes: listen.max_header_size, keepAliveMs: listen.keep_alive, clock, log };
  const outbound = await listenOutbound({
    ...bounds,
    address: listen.outbound,
    ...options.outbound,
    carry(arrival) {
      taken += 1;
      return current.outgoing.carry(arrival);
    },
  });
  let inbound: InboundListener | undefined;
  let drained: Promise<void> | undefined;
  function drain(): Promise<void> {
    // What has come in is finished with calls that go out, so these are taken until the last of it has ended. Both share one
    // time: a call that was under way when the stop began has had all of it by then.
    const deadline = clock.now() + listen.drain_timeout;
    drained ??= Promise.resolve(inbound?.drain(listen.drain_timeout)).then(() =>
      outbound.drain(Math.min(listen.drain_timeout, Math.max(0, deadline - clock.now()))),
    );
    return drained;
  }
  starting.defer(drain);
  inbound = await listenInbound({
    ...bounds,
    address: inboundConfig?.listen,
    carry: (arrival) => current.incoming.carry(arrival),
  });
  void current.readiness.check();

  const running = starting.move();
  return {
    outboundUrl: outbound.url,
    inboundUrl: inbound?.url,
    readiness: () => current.readiness.check(),
    taken: () => taken,
    take(gate) {
      const old = current;
      current = inForce(gate);
      Promise.all([old.outgoing.idle(), old.incoming.idle()])
        .then(() => old.gate.close())
        .catch((failure: unknown) => log.warn({ err: failure }, 'the previous gate did not close cleanly'));
      void current.readiness.check();
    },
    drain,
    close: () => running.disposeAsync(),
  };
}

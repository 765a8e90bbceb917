// One call as the micro benchmarks need it: real tokens of a real issuer, a gate compiled from the bench's own configuration, and
// the call as it stands after each stage. Only the sockets are not real.

import { EventEmitter } from 'node:events';
import { writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { type Audit, openAudit } from '../../src/audit/audit.ts';
import { systemClock } from '../../src/base/ports.ts';
import type {
  ArmedCall,
  Arrival,
  KnownCall,
  ObservedCall,
  PermittedCall,
  Reply,
  RoutedCall,
  StrippedCall,
} from '../../src/call.ts';
import { loadConfig } from '../../src/config/load.ts';
import { createTelemetry, type Telemetry } from '../../src/telemetry/observe.ts';
import { createPseudonym } from '../../src/telemetry/pseudonym.ts';
import { compileGate, type Gate } from '../../src/wiring/gate.ts';
import { posternConfig } from '../config.ts';
import { chatHeaders } from '../scenarios/posts.ts';
import { chatRequest } from '../servers/answers.ts';
import type { World } from '../world.ts';

export const quiet = { debug() {}, info() {}, warn() {}, error() {} };

export interface Bench {
  readonly gate: Gate;
  readonly audit: Audit;
  readonly sampled: Telemetry;
  readonly unsampled: Telemetry;
  /** Sends all spans, writes all records. */
  flush(): Promise<void>;
  arrive(bytes: number): Arrival;
  readonly observed: ObservedCall;
  readonly stripped: StrippedCall;
  readonly known: KnownCall;
  /** Routing reads the body of the request, so each call of it needs a new arrival. */
  knownAgain(bytes: number): KnownCall;
  readonly routed: RoutedCall;
  readonly permitted: PermittedCall;
  readonly armed: ArmedCall;
  readonly reply: Reply;
}

/** A request whose body is already there: it is given to whoever listens. */
class GivenRequest extends EventEmitter {
  readonly headers: Record<string, string>;
  readonly socket = { remoteAddress: '127.0.0.1', remotePort: 40_000 };
  readonly destroyed = false;
  readonly readableEnded = false;
  readonly #body: Buffer;

  constructor(headers: Record<string, string>, body: Buffer) {
    super();
    this.headers = headers;
    this.#body = body;
  }

  override on(event: string, listener: (...args: unknown[]) => void): this {
    super.on(event, listener);
    if (event === 'end') queueMicrotask(() => this.#give());
    return this;
  }

  #give(): void {
    this.emit('data', this.#body);
    this.emit('end');
  }
}

export async function createBench(world: World): Promise<Bench> {
  const file = join(world.folder, 'micro.yaml');
  const at = { clock: systemClock, log: quiet, env: {} };
  const open = async (ratio: number, port: number) => {
    writeFileSync(file, posternConfig(world, { port, adminPort: port + 1 }, { ratio }));
    const loaded = await loadConfig({ file, env: {} });
    const { telemetry, audit } = loaded.config;
    const pseudonym = createPseudonym(telemetry.subject_key);
    const trail = openAudit({ audit, pseudonym, ...at, version: 'bench' });
    return {
      loaded,
      trail,
      telemetry: createTelemetry({ telemetry, audit: trail, pseudonym, ...at, version: 'bench' }),
    };
  };
  const { loaded, telemetry: sampled, trail: audit } = await open(1, 1);
  const { telemetry: unsampled, trail: other } = await open(0, 3);
  const gate = compileGate(loaded, at);
  await Promise.all([gate.identity.warm(), gate.broker.warm()]);

  const bodies = new Map([1_024, 16_384, 262_144].map((bytes) => [bytes, Buffer.from(chatRequest(bytes))]));
  const rawHeaders = Object.entries({ host: '127.0.0.1:8080', ...chatHeaders(world), 'content-length': '1024' }).flat();
  let serial = 0;

  function arrive(bytes: number): Arrival {
    const body = bodies.get(bytes) ?? Buffer.alloc(0);
    const request = new GivenRequest({ 'content-length': String(body.length) }, body);
    serial += 1;
    return {
      id: `00000000-0000-4000-8000-${String(serial).padStart(12, '0')}`,
      at: Date.now(),
      method: 'POST',
      target: '/openai/v1/chat/completions',
      rawHeaders,
      peer: { address: '127.0.0.1', port: 40_000, spiffeId: undefined },
      // Stands for the two objects of node:http: the stages before `forward` read no more of them than is here.
      transport: { kind: 'http', request: request as unknown as IncomingMessage, response: {} as ServerResponse },
    };
  }

  const { stages } = gate;
  const observed = unsampled.observe(arrive(1_024));
  const stripped = stages.strip(observed);
  const known = await stages.identify(stripped);
  const routed = await stages.route(known);
  const permitted = stages.permit(routed);
  await stages.arm(permitted);
  const armed = await stages.arm(permitted);
  return {
    gate,
    audit,
    sampled,
    unsampled,
    async flush() {
      await Promise.all([sampled, unsampled, audit, other].map((each) => each.flush()));
    },
    arrive,
    observed,
    stripped,
    known,
    knownAgain: (bytes) => ({ ...known, transport: arrive(bytes).transport }),
    routed,
    permitted,
    armed,
    reply: {
      status: 200,
      end: 'complete',
      bytesSent: 1_013,
      bytesReceived: 1_024,
      upstreamRequestId: 'req_5f1d7a90b4cc4e0e9f5ad1d3c0b9f1aa',
      call: armed,
    },
  };
}

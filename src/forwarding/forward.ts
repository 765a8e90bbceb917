// The last stage: sends an armed call to its upstream and the answer back, plain or as a tunnel, and settles when it has ended.
// A credential the upstream rejects (401) is re-issued once, and the call sent again where its body can be (rule 4).
// Must never send a call anywhere but below its own route's upstream, nor show the agent the upstream's 401 as its own.

import type { AddressPolicy } from '../base/addresses.ts';
import { asRefusal, Refusal } from '../base/errors.ts';
import type { Clock, Log } from '../base/ports.ts';
import type { Secret } from '../base/secret.ts';
import type { ArmedCall, Reply } from '../call.ts';
import { guardedForms } from './guard.ts';
import { type Handshake, readHandshake } from './handshake.ts';
import { compileRequestHeaders, type GateFacts, placeCredential } from './headers.ts';
import { createLive } from './live.ts';
import { isBelow } from './locations.ts';
import { createSessionSeal } from './mcp-session.ts';
import type { Attempt, Outcome, Stop } from './outcome.ts';
import { createPools, type PoolStats } from './pools.ts';
import { compileResponseHeaders } from './response-headers.ts';
import type { CompiledRoute, ForwardRoute } from './route.ts';
import { createDpopSigning } from './sign-dpop.ts';
import { createSigning, signAttempt } from './signing.ts';
import { createTunnel } from './tunnel.ts';
import { sendUpstream } from './upstream.ts';

export interface ForwardOptions {
  readonly routes: readonly ForwardRoute[];
  readonly addresses: AddressPolicy;
  /** Certificate authorities (PEM) trusted besides the runtime's own. */
  readonly ca?: readonly string[];
  /** Forgets the credential of a call and arms the call again. */
  readonly rearm: (call: ArmedCall) => Promise<ArmedCall>;
  /** Puts the trace context into a JSON-RPC body's `_meta`; returns the body unchanged where it cannot. */
  readonly rewriteMeta: (body: Buffer, traceparent: string) => Buffer;
  /** Of the seals on MCP sessions; random when absent, so that they end with these routes. */
  readonly sessionKey?: Uint8Array;
  /** Why a call may not go on, asked at the last moment before each attempt: much can happen while one waits for a credential. */
  readonly revoked?: (call: ArmedCall) => Refusal | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export interface ForwardStats {
  /** Calls on a connection, over all upstreams. */
  readonly active: number;
  /** Calls waiting for a connection. */
  readonly queued: number;
  /** Open tunnels. */
  readonly tunnels: number;
  readonly upstreams: readonly PoolStats[];
}

export interface Forwarding {
  /** @param tracestate proof of an inbound call, for the agent it is handed to; never given on the way out */
  forward(call: ArmedCall, tracestate?: Secret): Promise<Reply>;
  stats(): ForwardStats;
  /** Ends the live calls that `why` gives a reason for: those not yet answered are refused, others are cut. @returns how many */
  end(why: (call: ArmedCall) => Refusal | undefined): number;
  /** Refuses new calls and waits for live ones. */
  close(): Promise<void>;
  /** Refuses new calls and ends live ones: those not yet answered are refused, others are cut. */
  closeNow(): Promise<void>;
}

interface LiveCall {
  readonly call: ArmedCall;
  readonly stop: Stop;
}

/** What the gate adds to every attempt of one call. */
type OwnHeaders = Pick<GateFacts, 'session' | 'tracestate'>;

/** @throws TypeError for a route whose headers cannot be sent as configured. */
export function createForward(options: ForwardOptions): Forwarding {
  const { rearm, rewriteMeta, log } = options;
  const network = { addresses: options.addresses, ca: options.ca ?? [] };
  const pools = createPools(network);
  const openTunnel = createTunnel(network);
  const sessions = createSessionSeal(options.sessionKey);
  const routes = new Map(options.routes.map((route) => [route.id, compile(route)]));
  const live = createLive<LiveCall>();
  const dpop = createDpopSigning(options);
  const signerFor = createSigning({ ...options, signDpop: dpop.sign });
  let calls = 0;
  let draining = false;
  const idle = Promise.withResolvers<void>();

  function compile(spelled: ForwardRoute): CompiledRoute {
    const upstreamBase = spelled.upstreamBase.replace(/\/+$/, '');
    const route = { ...spelled, upstreamBase, gatePath: spelled.gatePath.replace(/\/+$/, '') };
    return {
      ...route,
      slot: pools.slotFor(route),
      writeHeaders: compileRequestHeaders(route),
      readHead: compileResponseHeaders({ ...route, sealSession: sessions.seal }),
      tunnels: 0,
    };
  }

  /** Everything one attempt needs; its observation is ended here if it cannot be made. */
  function prepare(call: ArmedCall, route: CompiledRoute, own: OwnHeaders, resend: number): Attempt {
    const observation = call.observation.attemptStarted(call, resend);
    try {
      const { traceparent } = observation;
      const placed = placeCredential(call);
      const headers = route.writeHeaders(call, { placed, traceparent, ...own });
      const { body } = call;
      const plain = body.kind === 'buffered' ? body.bytes : undefined;
      const bytes = plain !== undefined && route.mcp ? rewriteMeta(plain, traceparent) : plain;
      const forms = guardedForms(call.credential.secret, call.credential.placement.kind);
      const { kind } = call.credential.placement;
      const heed = kind === 'dpop' ? dpop.heed.bind(undefined, route.origin) : undefined;
      return {
        call,
        route,
        observation,
        placed,
        forms,
        headers,
        bytes,
        heed,
        track: (stop) => live.add({ call, stop }),
      };
    } catch (failure) {
      const refusal = asRefusal(failure);
      observation.ended('upstream_error', refusal);
      throw refusal;
    }
  }

  /** From the check to the attempt being live nothing else runs: no revocation can fall in between. */
  function attemptOnce(attempt: Attempt, handshake: Handshake | undefined): Promise<Outcome> {
    const why = options.revoked?.(attempt.call);
    if (why !== undefined) {
      attempt.observation.ended('revoked', why);
      throw why;
    }
    const { transport } = attempt.call;
    if (transport.kind === 'http') return sendUpstream(attempt, transport);
    if (handshake === undefined) throw new Refusal('internal_fault', { detail: 'an upgrade without its handshake' });
    return openTunnel(attempt, handshake, transport);
  }

  async function carry(call: ArmedCall, route: CompiledRoute, tracestate: Secret | undefined): Promise<Reply> {
    const own = { session: route.mcp ? sessions.open(call) : undefined, tracestate };
    const handshake = call.transport.kind === 'upgrade' ? readHandshake(call) : undefined;
    let armed = call;
    let rejections = 0;
    let proofs = 0;
    for (let resend = 0; ; resend += 1) {
      const attempt = prepare(armed, route, own, resend);
      const signer = signerFor(armed.credential.placement);
      if (signer !== undefined) await signAttempt(attempt, signer);
      const outcome = await attemptOnce(attempt, handshake);
      if (outcome.kind === 'ended') return { ...outcome, call: armed };
      if (outcome.proofOnly) {
        proofs += 1;
        if (proofs > 1) throw new Refusal('upstream_rejected_credential', { detail: 'another DPoP nonce each time' });
      } else {
        rejections += 1;
        log.warn({ route: route.id, request: call.id, resend }, 'the upstream rejected the credential of a call');
        if (rejections > 1)
          throw new Refusal('upstream_rejected_credential', { detail: 'twice, the second one fresh' });
        // Also where the call cannot be sent again: the next one must not meet the same credential.
        armed = await rearm(armed);
        checkSameTarget(armed, call);
      }
      if (call.body.kind === 'stream') {
        throw new Refusal('upstream_rejected_credential', { detail: 'the body was streamed and cannot be sent again' });
      }
    }
  }

  async function forward(call: ArmedCall, tracestate?: Secret): Promise<Reply> {
    if (draining) throw new Refusal('draining');
    const route = routes.get(call.route.id);
    if (route === undefined) throw new Refusal('internal_fault', { detail: 'a route forwarding does not know' });
    // Checked again at the last moment before a credential is placed: it is for this upstream and no other.
    if (call.upstream.origin !== route.origin || !isBelow(call.upstream.path, route.upstreamBase)) {
      throw new Refusal('target_escapes_route', { detail: 'the target is not below the upstream of its route' });
    }
    const isTunnel = call.transport.kind === 'upgrade';
    if (isTunnel && route.tunnels >= route.maxConnections) throw new Refusal('upstream_overloaded', { retryAfter: 1 });
    calls += 1;
    if (isTunnel) route.tunnels += 1;
    try {
      return await carry(call, route, tracestate);
    } finally {
      calls -= 1;
      if (isTunnel) route.tunnels -= 1;
      if (draining && calls === 0) idle.resolve();
    }
  }

  /** From now on calls are refused; resolves when the last live one has ended. */
  function drain(): Promise<void> {
    draining = true;
    if (calls === 0) idle.resolve();
    return idle.promise;
  }

  return {
    forward,
    async close() {
      await drain();
      await pools.close();
    },
    async closeNow() {
      const ended = drain();
      for (const { stop } of live.all()) stop(new Refusal('draining'));
      await ended;
      await pools.destroy();
    },
    end(why) {
      let ended = 0;
      for (const { call, stop } of live.all()) {
        const refusal = why(call);
        if (refusal === undefined) continue;
        stop(refusal);
        ended += 1;
      }
      return ended;
    },
    stats() {
      const upstreams = pools.stats();
      const sum = (of: (stats: PoolStats) => number) => upstreams.reduce((total, stats) => total + of(stats), 0);
      const tunnels = [...routes.values()].reduce((total, route) => total + route.tunnels, 0);
      return { active: sum((stats) => stats.active), queued: sum((stats) => stats.queued), tunnels, upstreams };
    },
  };
}

/** A re-issued credential is for the same hop: an arming that changed the target would be another call. */
function checkSameTarget({ route, upstream }: ArmedCall, call: ArmedCall): void {
  const same = upstream.origin === call.upstream.origin && upstream.path === call.upstream.path;
  if (!same || route.id !== call.route.id) {
    throw new Refusal('internal_fault', { detail: 'arming again changed the target of a call' });
  }
}

// The last stage: sends an armed call to its upstream and the answer back, plain or as a tunnel, and settles when it has ended.
// What is tried again, and how often, is said in sending.ts.
// Must never send a call anywhere but below its own route's upstream, nor show the agent the upstream's 401 as its own.

import type { AddressPolicy } from '../base/addresses.ts';
import { Refusal } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import type { Secret } from '../base/secret.ts';
import type { ArmedCall, Reply } from '../call.ts';
import type { Handshake } from './handshake.ts';
import { compileRequestHeaders } from './headers.ts';
import { createLive } from './live.ts';
import { isBelow } from './locations.ts';
import { createSessionSeal } from './mcp-session.ts';
import type { Attempt, Outcome } from './outcome.ts';
import { createPools, type PoolStats } from './pools.ts';
import { compileResponseHeaders } from './response-headers.ts';
import type { CompiledRoute, ForwardRoute } from './route.ts';
import { createSendings, type LiveCall, type Sending, type SendingParts } from './sending.ts';
import { createDpopSigning } from './sign-dpop.ts';
import { createSigning, signAttempt } from './signing.ts';
import { createTunnel } from './tunnel.ts';
import { sendUpstream } from './upstream.ts';

export interface ForwardOptions extends Pick<SendingParts, 'rearm' | 'rewriteMeta' | 'log'> {
  readonly routes: readonly ForwardRoute[];
  readonly addresses: AddressPolicy;
  /** Certificate authorities (PEM) trusted besides the runtime's own. */
  readonly ca?: readonly string[];
  /** Of the seals on MCP sessions; random when absent, so that they end with these routes. */
  readonly sessionKey?: Uint8Array;
  /** Why a call may not go on, asked at the last moment before each attempt: much can happen while one waits for a credential. */
  readonly revoked?: (call: ArmedCall) => Refusal | undefined;
  readonly clock: Clock;
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

/** @throws TypeError for a route whose headers cannot be sent as configured. */
export function createForward(options: ForwardOptions): Forwarding {
  const network = { addresses: options.addresses, ca: options.ca ?? [] };
  const pools = createPools(network);
  const openTunnel = createTunnel(network);
  const sessions = createSessionSeal(options.sessionKey);
  const routes = new Map(options.routes.map((route) => [route.id, compile(route)]));
  const live = createLive<LiveCall>();
  const dpop = createDpopSigning(options);
  const signerFor = createSigning({ ...options, signDpop: dpop.sign });
  const sendings = createSendings({ ...options, live, dpop, openSession: sessions.open });
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

  function attempt(sending: Sending): Promise<Outcome> {
    const made = sendings.prepare(sending);
    const signer = signerFor(sending.call.credential.placement);
    if (signer === undefined) return attemptOnce(made, sending.handshake);
    return signAttempt(made, signer).then(() => attemptOnce(made, sending.handshake));
  }

  function routeOf(call: ArmedCall): CompiledRoute {
    const route = routes.get(call.route.id);
    if (route === undefined) throw new Refusal('internal_fault', { detail: 'a route forwarding does not know' });
    // Checked again at the last moment before a credential is placed: it is for this upstream and no other.
    if (call.upstream.origin !== route.origin || !isBelow(call.upstream.path, route.upstreamBase)) {
      throw new Refusal('target_escapes_route', { detail: 'the target is not below the upstream of its route' });
    }
    return route;
  }

  async function forward(call: ArmedCall, tracestate?: Secret): Promise<Reply> {
    if (draining) throw new Refusal('draining');
    const route = routeOf(call);
    const isTunnel = call.transport.kind === 'upgrade';
    if (isTunnel && route.tunnels >= route.maxConnections) throw new Refusal('upstream_overloaded', { retryAfter: 1 });
    calls += 1;
    if (isTunnel) route.tunnels += 1;
    try {
      const sending = sendings.begin(call, route, tracestate);
      let outcome = await attempt(sending);
      while (outcome.kind === 'rejected') {
        await sendings.again(sending, outcome);
        outcome = await attempt(sending);
      }
      return { ...outcome, call: sending.call };
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

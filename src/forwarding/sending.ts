// One call on its way out, over all its attempts: what each of them is made of, and whether another may follow. A credential that the
// upstream rejects (401) is re-issued once, and the call sent again where its body can be (rule 4).
// Must never let a second attempt go to another target than the first.

import { asRefusal, Refusal } from '../base/errors.ts';
import type { Log } from '../base/ports.ts';
import type { Secret } from '../base/secret.ts';
import type { ArmedCall } from '../call.ts';
import { type Handshake, readHandshake } from './handshake.ts';
import { type GateFacts, placeCredential } from './headers.ts';
import type { Live } from './live.ts';
import type { SessionSeal } from './mcp-session.ts';
import type { Attempt, Rejected, Stop } from './outcome.ts';
import type { CompiledRoute } from './route.ts';
import type { DpopSigning } from './sign-dpop.ts';

export interface LiveCall {
  readonly call: ArmedCall;
  readonly stop: Stop;
}

/** A record, kept as long as the call runs; see `Downstream`. */
export interface Sending {
  /** With the credential that was issued last. */
  call: ArmedCall;
  readonly route: CompiledRoute;
  /** What the gate adds to every attempt. */
  readonly own: Pick<GateFacts, 'session' | 'tracestate'>;
  readonly handshake: Handshake | undefined;
  resend: number;
  rejections: number;
  proofs: number;
}

interface Tracked extends Attempt {
  readonly live: Live<LiveCall>;
}

function track(this: Tracked, stop: Stop): () => void {
  return this.live.add({ call: this.call, stop });
}

export interface SendingParts {
  readonly live: Live<LiveCall>;
  readonly dpop: DpopSigning;
  readonly openSession: SessionSeal['open'];
  /** Forgets the credential of a call and arms the call again. */
  readonly rearm: (call: ArmedCall) => Promise<ArmedCall>;
  /** Puts the trace context into a JSON-RPC body's `_meta`; returns the body unchanged where it cannot. */
  readonly rewriteMeta: (body: Buffer, traceparent: string) => Buffer;
  readonly log: Log;
}

export interface Sendings {
  begin(call: ArmedCall, route: CompiledRoute, tracestate: Secret | undefined): Sending;
  /** Everything the next attempt needs; its observation is ended here if it cannot be made. */
  prepare(sending: Sending): Attempt;
  /** Settles what was rejected, for another attempt. @throws Refusal where there can be none */
  again(sending: Sending, rejected: Rejected): Promise<void>;
}

export function createSendings({ live, dpop, openSession, rearm, rewriteMeta, log }: SendingParts): Sendings {
  function begin(call: ArmedCall, route: CompiledRoute, tracestate: Secret | undefined): Sending {
    const own = { session: route.mcp ? openSession(call) : undefined, tracestate };
    const handshake = call.transport.kind === 'upgrade' ? readHandshake(call) : undefined;
    return { call, route, own, handshake, resend: 0, rejections: 0, proofs: 0 };
  }

  function prepare({ call, route, own, resend }: Sending): Attempt {
    const observation = call.observation.attemptStarted(call, resend);
    try {
      const { traceparent } = observation;
      const placed = placeCredential(call);
      const headers = route.writeHeaders(call, { placed, traceparent, ...own });
      const { body } = call;
      const plain = body.kind === 'buffered' ? body.bytes : undefined;
      const bytes = plain !== undefined && route.mcp ? rewriteMeta(plain, traceparent) : plain;
      const { kind } = call.credential.placement;
      const heed = kind === 'dpop' ? dpop.heed.bind(undefined, route.origin) : undefined;
      const attempt: Tracked = { call, route, observation, placed, headers, bytes, heed, live, track };
      return attempt;
    } catch (failure) {
      const refusal = asRefusal(failure);
      observation.ended('upstream_error', refusal);
      throw refusal;
    }
  }

  async function again(sending: Sending, { proofOnly }: Rejected): Promise<void> {
    const { call, route, resend } = sending;
    sending.resend += 1;
    if (proofOnly) {
      sending.proofs += 1;
      if (sending.proofs > 1) {
        throw new Refusal('upstream_rejected_credential', { detail: 'another DPoP nonce each time' });
      }
    } else {
      sending.rejections += 1;
      log.warn({ route: route.id, request: call.id, resend }, 'the upstream rejected the credential of a call');
      if (sending.rejections > 1) {
        throw new Refusal('upstream_rejected_credential', { detail: 'twice, the second one fresh' });
      }
      // Also where the call cannot be sent again: the next one must not meet the same credential.
      sending.call = await rearm(call);
      checkSameTarget(sending.call, call);
    }
    if (call.body.kind === 'stream') {
      throw new Refusal('upstream_rejected_credential', { detail: 'the body was streamed and cannot be sent again' });
    }
  }

  return { begin, prepare, again };
}

/** A re-issued credential is for the same hop: an arming that changed the target would be another call. */
function checkSameTarget({ route, upstream }: ArmedCall, call: ArmedCall): void {
  const same = upstream.origin === call.upstream.origin && upstream.path === call.upstream.path;
  if (!same || route.id !== call.route.id) {
    throw new Refusal('internal_fault', { detail: 'arming again changed the target of a call' });
  }
}

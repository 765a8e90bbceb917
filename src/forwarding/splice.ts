// Joins two connections: bytes of either go to the other, with backpressure, until both have ended or neither has said anything
// for the idle time. Reads nothing of what passes. Must never leave one side open when the other is gone.

import type { Duplex } from 'node:stream';
import type { StreamEnd } from '../call.ts';
import { endOf } from './failures.ts';
import type { Stop } from './outcome.ts';

export interface SpliceParts {
  readonly agent: Duplex;
  /** Bytes the agent sent ahead of the answer. */
  readonly agentHead: Buffer;
  readonly upstream: Duplex;
  readonly upstreamHead: Buffer;
  /** Longest silence of both sides, in milliseconds. */
  readonly idleMs: number;
  readonly track: (stop: Stop) => () => void;
}

export interface Spliced {
  readonly end: StreamEnd;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

/** Settles when both connections are closed. Never rejects. */
export function splice(parts: SpliceParts): Promise<Spliced> {
  const { agent, agentHead, upstream, upstreamHead, idleMs } = parts;
  let bytesReceived = agentHead.length;
  let bytesSent = upstreamHead.length;
  let end: StreamEnd | undefined;

  return new Promise((resolve) => {
    const idle = setTimeout(() => finish('timeout'), idleMs).unref();
    const untrack = parts.track((why) => finish(endOf(why)));

    /** The first to end decides how the tunnel ended; the rest follows. */
    function finish(how: StreamEnd): void {
      end ??= how;
      agent.destroy();
      upstream.destroy();
    }

    function onClose(gone: Duplex, other: Duplex, how: StreamEnd): void {
      // After a proper end (FIN) the other side still gets what is buffered for it, its close frame above all.
      if (!gone.readableEnded || gone.errored !== null || other.writableFinished) finish(how);
      else other.once('finish', () => finish(how)).end();
      if (!agent.closed || !upstream.closed) return;
      clearTimeout(idle);
      untrack();
      resolve({ end: end ?? 'complete', bytesSent, bytesReceived });
    }

    agent.on('data', (chunk: Buffer) => {
      bytesReceived += chunk.length;
      idle.refresh();
    });
    upstream.on('data', (chunk: Buffer) => {
      bytesSent += chunk.length;
      idle.refresh();
    });
    // A half-closed side (FIN) lets the other finish; pipe passes the FIN on.
    agent.on('end', () => {
      end ??= 'complete';
    });
    upstream.on('end', () => {
      end ??= 'complete';
    });
    agent.on('error', () => finish('client_abort'));
    upstream.on('error', () => finish('upstream_error'));
    agent.on('close', () => onClose(agent, upstream, 'client_abort'));
    upstream.on('close', () => onClose(upstream, agent, 'upstream_error'));

    if (upstreamHead.length > 0) agent.write(upstreamHead);
    if (agentHead.length > 0) upstream.write(agentHead);
    agent.pipe(upstream);
    upstream.pipe(agent);
  });
}

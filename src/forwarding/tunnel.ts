// One attempt at a WebSocket upgrade: asks the upstream with the sanitised request and the placed credential, and when it agrees,
// splices the two connections. See docs/adr/0003.
// Must never tell the agent 101 before the upstream's answer was checked, and never leave one side open when the other is gone.

import type { IncomingMessage } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import { type AddressPolicy, AddressRefused } from '../base/addresses.ts';
import { asRefusal, Refusal } from '../base/errors.ts';
import { request as plainRequest, STATUS_CODES } from '../base/node-http.ts';
import { trusting } from '../base/trusting.ts';
import type { UpgradeTransport } from '../transport.ts';
import { endOf, upstreamFailure } from './failures.ts';
import { acceptLines, type Handshake, offerLines } from './handshake.ts';
import { letGo } from './let-go.ts';
import { type Attempt, clientClosedRequest, type Outcome } from './outcome.ts';
import { rejectionOf } from './rejection.ts';
import { splice } from './splice.ts';

/** Largest header block of the upstream's answer, in bytes. */
const maxHeadBytes = 32_768;

export interface TunnelNetwork {
  readonly addresses: AddressPolicy;
  readonly ca: readonly string[];
}

/**
 * Settles when the tunnel has ended, or when the upstream rejected the credential.
 * Ends the attempt's observation, exactly once.
 * @throws Refusal when the agent was not told 101
 */
export type OpenTunnel = (attempt: Attempt, handshake: Handshake, transport: UpgradeTransport) => Promise<Outcome>;

export function createTunnel({ addresses, ca }: TunnelNetwork): OpenTunnel {
  function ask({ route, headers, placed }: Attempt, handshake: Handshake) {
    const target = new URL(route.origin);
    const hostname = target.hostname.replace(/^\[|\]$/g, '');
    // A literal address is connected without a lookup, so it is checked here.
    if (isIP(hostname) !== 0 && !addresses.permits(hostname)) throw new AddressRefused(hostname, hostname);
    const options = {
      hostname,
      port: target.port === '' ? undefined : Number(target.port),
      method: 'GET',
      path: placed.path,
      headers: ['host', target.host, ...offerLines(handshake), ...headers],
      lookup: addresses.lookup,
      agent: false,
      maxHeaderSize: maxHeadBytes,
    } as const;
    if (target.protocol !== 'https:') return plainRequest(options);
    // node:https gives every option on to `tls.connect`, also this one, which its types leave out.
    const secured = { ...options, secureContext: trusting(ca) };
    return tlsRequest(secured);
  }

  return function openTunnel(attempt, handshake, { socket: agent, head: agentHead }) {
    const { call, route, observation } = attempt;
    const { idleMs, connectMs } = route.timeouts;

    return new Promise((resolve, reject) => {
      let asked: ReturnType<typeof ask> | undefined;
      let reached = false;
      let settled = false;
      const untrack = attempt.track(fail);
      // The agent's side may stay half open (Node lets servers write after a FIN): before the answer, its end is its leaving.
      agent.once('close', onAgentGone).once('end', onAgentGone);

      function release(): void {
        settled = true;
        untrack();
        agent.off('close', onAgentGone).off('end', onAgentGone);
      }

      function fail(failure: unknown): void {
        if (settled) return;
        release();
        asked?.destroy();
        const why = upstreamFailure(failure, reached);
        observation.ended(endOf(why), why);
        reject(why);
      }

      function onAgentGone(): void {
        if (settled) return;
        release();
        agent.destroy();
        asked?.destroy();
        observation.ended('client_abort');
        const nothing = { bytesSent: 0, bytesReceived: 0, upstreamRequestId: undefined };
        resolve({ kind: 'ended', status: clientClosedRequest, end: 'client_abort', ...nothing });
      }

      function onAnswer(answer: IncomingMessage): void {
        const status = answer.statusCode ?? 0;
        const proofOnly = attempt.heed?.(status, answer.rawHeaders) ?? false;
        answer.on('error', () => {});
        asked?.destroy();
        if (settled) return;
        const rejection = rejectionOf(status, answer.rawHeaders, call.credential.placement);
        if (rejection === 'signature') {
          fail(new Refusal('upstream_rejected_credential', { detail: 'the signature, not the keys' }));
          return;
        }
        if (rejection === undefined) {
          fail(new Refusal('upstream_upgrade_failed', { detail: `the upstream answered ${status}` }));
          return;
        }
        release();
        observation.responded(status, []);
        observation.ended('complete');
        resolve({ kind: 'rejected', proofOnly });
      }

      function onUpgrade(answer: IncomingMessage, upstream: Duplex, upstreamHead: Buffer): void {
        if (settled) {
          upstream.destroy();
          return;
        }
        try {
          attempt.heed?.(101, answer.rawHeaders);
          const accepted = acceptLines(handshake, answer);
          const { lines, upstreamRequestId } = route.readHead(call, answer.rawHeaders, attempt.placed.guarded, true);
          release();
          observation.responded(101, lines);
          letGo(attempt);
          agent.write(switching([...accepted, ...lines]));
          const spliced = splice({
            agent,
            agentHead,
            upstream,
            upstreamHead,
            idleMs,
            track: (stop) => attempt.track(stop),
          });
          void spliced.then((done) => {
            observation.ended(done.end);
            resolve({ kind: 'ended', status: 101, upstreamRequestId, ...done });
          });
        } catch (failure) {
          upstream.destroy();
          fail(asRefusal(failure));
        }
      }

      try {
        asked = ask(attempt, handshake);
      } catch (failure) {
        fail(failure);
        return;
      }
      asked.on('error', fail).on('response', onAnswer).on('upgrade', onUpgrade);
      asked.on('socket', (socket) => {
        socket.setTimeout(connectMs).on('timeout', () => fail(new Refusal('upstream_timed_out')));
        socket.once('encrypted' in socket ? 'secureConnect' : 'connect', () => {
          reached = true;
          socket.setTimeout(idleMs);
        });
      });
      asked.end();
      if (agent.destroyed || agent.readableEnded) onAgentGone();
    });
  };
}

function switching(lines: readonly string[]): string {
  let head = `HTTP/1.1 101 ${STATUS_CODES[101]}\r\n`;
  for (let i = 0; i < lines.length; i += 2) head += `${lines[i]}: ${lines[i + 1]}\r\n`;
  return `${head}\r\n`;
}

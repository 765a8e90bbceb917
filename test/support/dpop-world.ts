// A whole gate whose exchange asks for tokens bound to its key, the real embedded issuer that binds them, and an upstream that
// takes nothing without a proof it has verified itself.

import type { Test } from 'tap';
import type { Clock } from '../../src/base/ports.ts';
import { type CheckProof, createProofCheck } from './dpop-proofs.ts';
import { gateClient } from './e2e-issuer.ts';
import type { Received, RecordingUpstream } from './e2e-upstream.ts';
import { type Document, type Places, startE2e, type World } from './e2e-world.ts';
import { claimsOf, clockAt, type MovableClock, start } from './sts-issuer.ts';

/** An upstream that takes nothing without a proof. */
export interface Doorkeeper {
  /** What the upstream demands in proofs; undefined for nothing. */
  demand(nonce: string | undefined): void;
  /** What the upstream found wrong, in order. */
  readonly faults: readonly string[];
  /** The upstream's check, for a thief to try. */
  readonly check: CheckProof;
}

export interface DpopWorld extends World, Doorkeeper {
  readonly clock: MovableClock;
}

/** Straight to the issuer, without the front: a proof is for the URL that the issuer knows itself by. */
export function boundExchange({ issuer }: Places, changes: Document = {}): Document {
  return {
    grant: 'token_exchange',
    issuer: issuer.issuer,
    client: { ...gateClient, auth: 'client_secret_basic' },
    dpop: true,
    ...changes,
  };
}

export async function startDpop(t: Test, sections: (places: Places) => Document = () => ({})): Promise<DpopWorld> {
  const clock = clockAt(start);
  const config = (places: Places) => ({ exchanges: { corp: boundExchange(places) }, ...sections(places) });
  const world = await startE2e(t, { clock, config });
  return { ...world, clock, ...keepDoor(world.upstream, clock) };
}

/** From now on this upstream verifies every proof. */
export function keepDoor(upstream: RecordingUpstream, clock: Clock): Doorkeeper {
  const check = createProofCheck(clock);
  const faults: string[] = [];
  let demanded: string | undefined;

  async function judge({ method, url, headers }: Received): Promise<void> {
    const token = /^DPoP (.+)$/.exec(headers.authorization ?? '')?.[1];
    if (token === undefined) throw new Error('not presented as DPoP');
    const proof = headers['dpop'];
    if (typeof proof !== 'string') throw new Error('no proof');
    const expected = { method, url: upstream.url + url.split('?', 1)[0], token, nonce: demanded };
    const jkt = await check(proof, expected);
    const { cnf } = claimsOf(token);
    if (JSON.stringify(cnf) !== JSON.stringify({ jkt })) throw new Error('bound to another key');
  }

  upstream.answerWith((response, received) => {
    if (demanded !== undefined) response.setHeader('dpop-nonce', demanded);
    judge(received).then(
      () => response.writeHead(200, { 'content-type': 'application/json' }).end('{"ok":true}'),
      (failure: Error) => {
        faults.push(failure.message);
        const error = failure.message.startsWith('nonce') ? 'use_dpop_nonce' : 'invalid_dpop_proof';
        response.writeHead(401, { 'www-authenticate': `DPoP error="${error}"` }).end();
      },
    );
  });

  return {
    check,
    faults,
    demand(nonce) {
      demanded = nonce;
    },
  };
}

/** The token and the proof of the latest call, as the upstream has them. */
export function seen({ upstream }: World): { readonly token: string; readonly proof: string; readonly url: string } {
  const latest = upstream.received.at(-1);
  if (latest === undefined) throw new Error('the upstream saw nothing');
  const token = (latest.headers.authorization ?? '').replace(/^DPoP /, '');
  return { token, proof: String(latest.headers['dpop']), url: upstream.url + latest.url };
}

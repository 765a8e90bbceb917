// The issuer of the chain demo, which can be made to misbehave as real issuers do (forget `act`, cut the chain, widen scope), in
// tokens that are genuinely signed.

import { decodeJwt } from 'jose';
import type { Log } from '../../src/base/ports.ts';
import type { Mint } from '../../src/sts/mint.ts';
import { type Claims, type RecordingIssuer, startRecordingIssuer } from '../recording-issuer.ts';
import type { DemoClock } from './clock.ts';

/** Claims of a token as they should be; returns what the issuer says instead. */
export type Misbehaviour = (claims: Claims) => Claims;

export interface ChainIssuer extends RecordingIssuer {
  /** From now on; without one the issuer behaves again. */
  misbehave(how?: Misbehaviour): void;
}

const audiences = [{ id: 'agent:researcher' }, { id: 'mcp-everything', scopes: ['tools.call', 'tools.admin'] }];

export async function startChainIssuer({ clock, log }: { clock: DemoClock; log: Log }): Promise<ChainIssuer> {
  let misbehaviour: Misbehaviour | undefined;

  async function changes(token: string, _form: URLSearchParams, mint: Mint): Promise<object> {
    if (misbehaviour === undefined) return {};
    const claims = misbehaviour(decodeJwt<Claims>(token));
    const { scope } = claims;
    const access_token = await mint({ sub: String(claims['sub']), claims });
    return { access_token, ...(scope === undefined ? {} : { scope }) };
  }

  return {
    ...(await startRecordingIssuer({ clock, log, audiences, changes })),
    misbehave(how) {
      misbehaviour = how;
    },
  };
}

// Tokens bound to a key of this gate (RFC 9449 section 5): the key of one exchange, made at start, and the proof that goes
// with each of its token requests. What is issued is kept together with the key: alone it is of no use to a thief.
// Must never take a bearer token for a bound one: that would be a downgrade nobody noticed.

import * as z from 'zod';
import { secretOfBoundToken } from '../base/bound-token.ts';
import { dpopAlgorithms, makeDpopKey, prove, readNonce } from '../base/dpop.ts';
import type { Clock, SendResponse } from '../base/ports.ts';
import { readErrorAnswer } from './error-answer.ts';
import type { Issued } from './grant.ts';

const options = z.strictObject({
  alg: z.enum(dpopAlgorithms).default('ES256').describe('Algorithm of the key and of its proofs.'),
});

export const dpopShape = {
  dpop: z
    .union([z.boolean(), options])
    .default(false)
    .transform(optionsOf)
    .describe(
      'Asks for tokens bound to a key that this gate makes at start and never lets out (DPoP, RFC 9449): `true`, or `alg` of the key. The issuer and the upstream must both support it; an unbound token is refused.',
    ),
};

export type DpopOptions = z.output<typeof options>;

/** `true` is every option at its default. */
function optionsOf(given: boolean | DpopOptions): DpopOptions | undefined {
  if (given === false) return undefined;
  return given === true ? options.parse({}) : given;
}

/** The key of one exchange, in use. */
export interface Possession {
  readonly alg: string;
  /** The `DPoP` header of one request to the token endpoint. */
  prove(endpoint: string): Promise<string>;
  /** Remembers the nonce of an answer. @returns whether the same request is to be made again, with it */
  heed(answer: SendResponse): boolean;
  /** What was issued, as bound to the key. */
  bind(issued: Issued): Issued;
}

export function createPossession({ alg }: DpopOptions, clock: Clock): Possession {
  const key = makeDpopKey(alg);
  /** The latest: one exchange has one token endpoint (section 8.2). */
  let nonce: string | undefined;

  return {
    alg,
    prove: (endpoint) => prove(key, { method: 'POST', url: endpoint, nonce, now: clock.now() }),
    heed(answer) {
      const given = readNonce(answer.headers['dpop-nonce']);
      nonce = given ?? nonce;
      return given !== undefined && answer.status === 400 && readErrorAnswer(answer)?.error === 'use_dpop_nonce';
    },
    bind: (issued) => ({
      ...issued,
      bound: { thumbprint: key.thumbprint, secret: secretOfBoundToken({ token: issued.token, key }) },
    }),
  };
}

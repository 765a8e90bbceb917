// Places a token that is bound to a key (RFC 9449 section 7): the token itself, and for every request a fresh proof of the key
// over method, URL and token. Upstreams may demand a nonce of theirs in it; the latest of each origin is remembered.
// Must never sign for a URL other than that of the request, nor use a proof twice.

import { boundTokenOf } from '../base/bound-token.ts';
import { prove, readNonce } from '../base/dpop.ts';
import { Refusal } from '../base/errors.ts';
import type { Clock } from '../base/ports.ts';
import type { RawHeaders } from '../call.ts';
import type { SignRequest } from './signing.ts';

/** How servers word it (section 9). */
const demand = /\berror ?= ?"?use_dpop_nonce\b/i;

export interface DpopSigning {
  readonly sign: SignRequest;
  /**
   * Remembers the nonce of an answer.
   * @returns whether the upstream demands it: the same request would be taken with it, and the credential is good
   */
  heed(origin: string, status: number, lines: RawHeaders): boolean;
}

export function createDpopSigning({ clock }: { readonly clock: Clock }): DpopSigning {
  /** By origin. The origins are those of the routes: an agent can add none. */
  const nonces = new Map<string, string>();

  return {
    async sign({ method, origin, path }, secret) {
      const bound = boundTokenOf(secret);
      if (bound === undefined) throw new Refusal('secret_unavailable', { detail: 'no token with its key' });
      const token = bound.token.reveal();
      const request = { method, url: origin + path, token, nonce: nonces.get(origin), now: clock.now() };
      return ['authorization', `DPoP ${token}`, 'dpop', await prove(bound.key, request)];
    },
    heed(origin, status, lines) {
      const nonce = readNonce(only(lines, 'dpop-nonce'));
      if (nonce === undefined) return false;
      nonces.set(origin, nonce);
      return status === 401 && valuesOf(lines, 'www-authenticate').some((value) => demand.test(value));
    },
  };
}

/** Two nonces are none: nobody says which is meant. */
function only(lines: RawHeaders, name: string): string | undefined {
  const [value, ...more] = valuesOf(lines, name);
  return more.length === 0 ? value : undefined;
}

function valuesOf(lines: RawHeaders, name: string): readonly string[] {
  const values: string[] = [];
  for (let i = 0; i < lines.length; i += 2) {
    const value = lines[i + 1];
    if (value !== undefined && lines[i]?.length === name.length && lines[i]?.toLowerCase() === name) values.push(value);
  }
  return values;
}

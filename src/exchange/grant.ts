// The seam every grant fits: what is to be obtained for one hop (Hop), what would be asked (Input), what came back (Issued).
// A grant only asks. Cache, single flight, negative memory, refresh, verification and audit facts are the broker's, so that
// no grant can forget one of them. A Hop does not say where its subject token came from: a call's own token or the result
// of an earlier exchange, so any grant can be one leg of several.

import type { Clock, Log, Send } from '../base/ports.ts';
import type { Report } from '../base/problem.ts';
import type { Secret } from '../base/secret.ts';
import type { CredentialKind } from '../call.ts';

/** A token that proves one party of a hop. */
export interface HopToken {
  readonly token: Secret;
  readonly iss: string;
  readonly sub: string;
  /** Seconds since the epoch. */
  readonly expiresAt: number;
}

/** One credential to obtain. */
export interface Hop {
  readonly subject: HopToken;
  /** The caller's own token; undefined when the caller is the subject, or is known by other proof than a token. */
  readonly actor: HopToken | undefined;
  readonly audience: string | undefined;
  readonly resources: readonly string[];
  /** Sorted and without repeats: RFC 6749 section 3.3 gives their order no meaning. */
  readonly scopes: readonly string[];
  readonly requestedTokenType: string;
}

/** One parameter of the request, in order. All of them together decide the answer, so all of them are in the cache key. */
export type Input = readonly [name: string, value: string | Secret];

/** What an issuer gave. */
export interface Issued {
  readonly token: Secret;
  /** RFC 8693 section 2.2.1; undefined where the issuer does not say. */
  readonly issuedTokenType: string | undefined;
  /** Seconds; undefined where the issuer does not say, and for standing credentials. */
  readonly expiresIn: number | undefined;
  readonly scopes: readonly string[] | undefined;
}

export interface Occasion {
  /** W3C trace context of this round trip; undefined where none is made. */
  readonly traceparent: string | undefined;
  /** The credential obtained before was rejected upstream: whatever was remembered of it must be looked up again. */
  readonly again: boolean;
}

/** One configured way to get a credential for a hop. */
export interface Grant {
  readonly type: string;
  /**
   * `exchanged`: belongs to one delegation chain. `client_credentials`: this gate's own, the same for every caller.
   * `static`: standing, neither cached nor refreshed.
   */
  readonly kind: Exclude<CredentialKind, 'none'>;
  readonly issuer: string | undefined;
  /** Where it is obtained, for people and for the cache key: a URL or a file path, never a secret. */
  readonly endpoint: string;
  readonly clientId: string | undefined;
  /** Whether what comes back can be a JWT whose claims are to be compared with what was asked. */
  readonly verifies: boolean;
  /** What would be asked; pure. */
  plan(hop: Hop): readonly Input[];
  /** Asks once. Throws a Refusal. */
  obtain(hop: Hop, occasion: Occasion): Promise<Issued>;
  /** Looks up what can be known before the first call (metadata, files). Throws a Refusal. */
  prepare(): Promise<void>;
}

export interface GrantPorts {
  readonly clock: Clock;
  readonly send: Send;
  readonly log: Log;
  /** Takes paths below this exchange's own entry. */
  readonly report: Report;
}

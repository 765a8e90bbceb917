// Second stage: who is calling, on whose behalf, through which chain. Verifies what was presented (jwt.ts), ties the parties
// together (establish.ts, receive.ts) and grows the chain (ties.ts, delegation.ts).
// The only file that makes a KnownCall: it must never make one of anything but verified tokens.

import { type Awaitable, attempt, whenReady } from '../base/awaitable.ts';
import type { Clock, Log, Send } from '../base/ports.ts';
import type { Problem, Report } from '../base/problem.ts';
import type { ReadFile } from '../base/read-file.ts';
import type { Secret } from '../base/secret.ts';
import type { OpenWorkloadApi } from '../base/spiffe/workload-api.ts';
import type { KnownCall, StrippedCall } from '../call.ts';
import type { VerifiedToken } from '../principal.ts';
import type { Custody } from './custody.ts';
import { createEstablish } from './establish.ts';
import { createVerify, type Verify } from './jwt.ts';
import { createOwnIdentity, type OwnIdentity, tokenInFile } from './own-identity.ts';
import type { Parties } from './parties.ts';
import { createReceive, type ReceiveRules } from './receive.ts';
import type { IdentityConfig } from './schema.ts';
import { createTies } from './ties.ts';
import { type CompileRule, createTrust, type TrustEntry } from './trust.ts';
import type { TrustConfig } from './trust-schema.ts';

export interface IdentifyOptions {
  readonly trust: readonly TrustConfig[];
  readonly identity: IdentityConfig;
  /** Who may call the agent behind the inbound listener; undefined where there is none. */
  readonly inbound?: ReceiveRules | undefined;
  /** The tokens of those calls. */
  readonly custody?: Custody | undefined;
  /** The trace a call's route takes its subject from, empty where the call has none; undefined for all other routes. */
  readonly subjectTrace?: ((call: StrippedCall) => string | undefined) | undefined;
  /** Compiles the CEL of `workload_when` over `claims`. */
  readonly compileRule: CompileRule;
  readonly clock: Clock;
  readonly send: Send;
  readonly log: Log;
  /** The SPIFFE Workload API, by its socket. */
  readonly workload: OpenWorkloadApi;
  readonly report: Report;
  /** Reads the token file; by default from the file system, bounded. */
  readonly readFile?: ReadFile;
}

/** State of one source of identity: each trust entry, and the sidecar's own token as `identity.token_file` or `identity.spiffe`. */
export interface IdentityStatus {
  readonly trust: string;
  readonly issuer: string;
  readonly ready: boolean;
  /** Seconds since its keys (or the own token) were fetched; undefined when there are none. */
  readonly keysAgeSeconds: number | undefined;
  readonly lastError?: string;
  /** Attempts to fetch its keys that failed. */
  readonly fetchFailures?: number;
}

export interface Identity {
  /**
   * At once where its tokens were verified before.
   * @throws Refusal `token_*`, `handle_*`, `trace_*`, `caller_not_authenticated`, `actor_not_bound`, `may_act_mismatch`, `chain_*`, `keys_unavailable`, `own_identity_unavailable`; through the promise
   */
  identify(call: StrippedCall): Awaitable<KnownCall>;
  /** The same for a call to the agent. @throws Refusal as `identify` does, and `subject_missing`, `subject_not_a_user`, `subject_not_allowed` */
  receive(call: StrippedCall): Promise<KnownCall>;
  /** Verifies any token of a trusted issuer. @throws Refusal as `identify` does for tokens */
  verify(token: Secret): Promise<VerifiedToken>;
  /** Fetches keys and reads the own token ahead of the first call. Never rejects: see `status`. */
  warm(): Promise<void>;
  status(): readonly IdentityStatus[];
  close(): void;
}

export function createIdentify(options: IdentifyOptions): Identity {
  const { clock, custody, subjectTrace, inbound = { on_behalf_of: 'optional' } } = options;
  const trust = createTrust(options);
  const verify = createVerify({ trust, clock, accept: 'access_token' });
  const verifyTransaction = createVerify({ trust, clock, accept: 'txn_token' });
  const own = openOwnIdentity(options, verify);
  if (own !== undefined) reportNoWorkloads(options);
  reportUnknownTrust(options);
  const ties = createTies(options.identity.max_chain_depth);
  const parts = { trust, verify, verifyTransaction, own, custody, subjectTrace, ties };
  const establish = createEstablish(parts);
  const receive = createReceive(parts, inbound);

  function known(call: StrippedCall, parties: Parties): KnownCall {
    const { caller, subjectToken, actorToken, binding } = parties;
    const subject = subjectToken.principal;
    return { ...call, caller, subject, chain: ties.chainOf(parties), subjectToken, actorToken, binding };
  }

  return {
    identify: (call) => attempt(() => whenReady(establish(call), (parties) => known(call, parties))),
    receive: async (call) => known(call, await receive(call)),
    verify: async (token) => verify(token),
    async warm() {
      await Promise.all(trust.entries.map(({ keys }) => keys.warm()));
      await own?.current().catch(() => undefined); // told by status and log
      if (own?.status().lastError === 'token_issuer_unknown') options.report(ownIssuerUnknown(options));
    },
    status: () => [...trust.entries.map(statusOf), ...(own === undefined ? [] : [statusOfOwn(own)])],
    close() {
      for (const { keys } of trust.entries) keys.close();
    },
  };
}

function openOwnIdentity(options: IdentifyOptions, verify: Verify): OwnIdentity | undefined {
  const { identity, clock, log, readFile } = options;
  const { mode, token_file: path, spiffe } = identity;
  if (mode !== 'sidecar') return undefined;
  const place = ownPlace(options).join('.');
  if (path !== undefined) {
    return createOwnIdentity({ place, read: tokenInFile(path, readFile), verify, clock, log });
  }
  if (spiffe === undefined) return undefined;
  const report: Report = (problem) => options.report({ ...problem, path: [...ownPlace(options), ...problem.path] });
  const question = { audience: spiffe.audience, spiffeId: spiffe.spiffe_id };
  const read = options.workload(spiffe.socket, report)?.jwtSvid(question);
  if (read === undefined) return undefined; // reported: the configuration does not load
  return createOwnIdentity({ place, read: async () => (await read()).token, verify, clock, log });
}

function ownPlace({ identity }: Pick<IdentifyOptions, 'identity'>): string[] {
  return ['identity', identity.spiffe === undefined ? 'token_file' : 'spiffe'];
}

function ownIssuerUnknown(options: IdentifyOptions): Problem {
  return {
    path: ownPlace(options),
    what: 'the own token is of an issuer that no trust entry names',
    mend: 'add a trust entry for its issuer',
  };
}

function reportNoWorkloads(options: IdentifyOptions): void {
  const { trust, report } = options;
  if (trust.some(({ principal }) => principal !== 'user')) return;
  report({
    path: ownPlace(options),
    what: 'no trust entry issues workload tokens, so the own token cannot be verified',
    mend: 'add a trust entry with `principal: workload` or `any` for its issuer',
  });
}

function reportUnknownTrust({ trust, inbound, report }: IdentifyOptions): void {
  for (const [index, name] of (inbound?.trust ?? []).entries()) {
    if (trust.some((entry) => entry.name === name)) continue;
    report({ path: ['inbound', 'trust', index], what: `names no trust entry: ${name}`, mend: 'use the name of one' });
  }
}

function statusOf({ config, keys }: TrustEntry): IdentityStatus {
  const { ready, keysAgeSeconds, lastError, fetchFailures } = keys.status();
  const { name: trust, issuer } = config;
  return { trust, issuer, ready, keysAgeSeconds, fetchFailures, ...(lastError === undefined ? {} : { lastError }) };
}

function statusOfOwn(own: OwnIdentity): IdentityStatus {
  const { place: trust, issuer, ready, ageSeconds: keysAgeSeconds, lastError } = own.status();
  return { trust, issuer, ready, keysAgeSeconds, ...(lastError === undefined ? {} : { lastError }) };
}

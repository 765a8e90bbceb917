// Second stage: who is calling, on whose behalf, through which chain. Verifies what was presented and ties it together.
// It must never believe a caller's own word about its actor, its user or its chain, and never fall back from a token that
// failed to an identity that would do.

import { randomUUID } from 'node:crypto';
import { delegationRoot } from '../base/delegation-root.ts';
import { Refusal } from '../base/errors.ts';
import type { Clock, Log, Send } from '../base/ports.ts';
import type { Problem, Report } from '../base/problem.ts';
import type { Secret } from '../base/secret.ts';
import type { KnownCall, StrippedCall, VerifiedToken } from '../call.ts';
import { growChain, samePrincipal } from './delegation.ts';
import { createVerify, type Verify } from './jwt.ts';
import { createOwnIdentity, type OwnIdentity, type ReadFile } from './own-identity.ts';
import { byCallerClaim, byCertificate, bySidecar, byTwoTokens, isOwnToken, type Parties, self } from './parties.ts';
import { type PresentedTokens, pickTokens } from './presented.ts';
import type { IdentityConfig, TrustConfig } from './schema.ts';
import { type CompileRule, createTrust, type TrustEntry } from './trust.ts';

export interface IdentifyOptions {
  readonly trust: readonly TrustConfig[];
  readonly identity: IdentityConfig;
  /** Compiles the CEL of `workload_when` over `claims`. */
  readonly compileRule: CompileRule;
  readonly clock: Clock;
  readonly send: Send;
  readonly log: Log;
  readonly report: Report;
  /** Reads the token file; by default from the file system, bounded. */
  readonly readFile?: ReadFile;
}

/** State of one source of identity: each trust entry, and the sidecar's own token as `identity.token_file`. */
export interface IdentityStatus {
  readonly trust: string;
  readonly issuer: string;
  readonly ready: boolean;
  /** Seconds since its keys (or the own token) were fetched; undefined when there are none. */
  readonly keysAgeSeconds: number | undefined;
  readonly lastError?: string;
}

export interface Identity {
  /** @throws Refusal `token_*`, `caller_not_authenticated`, `actor_not_bound`, `may_act_mismatch`, `chain_*`, `keys_unavailable`, `own_identity_unavailable` */
  identify(call: StrippedCall): Promise<KnownCall>;
  /** Verifies any token of a trusted issuer. @throws Refusal as `identify` does for tokens */
  verify(token: Secret): Promise<VerifiedToken>;
  /** Fetches keys and reads the own token ahead of the first call. Never rejects: see `status`. */
  warm(): Promise<void>;
  status(): readonly IdentityStatus[];
  close(): void;
}

export function createIdentify(options: IdentifyOptions): Identity {
  const trust = createTrust(options);
  const verify = createVerify({ trust, clock: options.clock });
  const own = openOwnIdentity(options, verify);
  if (own !== undefined) reportNoWorkloads(options);

  async function establish(call: StrippedCall): Promise<Parties> {
    const { spiffeId } = call.peer;
    const tokens = pickTokens(call.presented, own !== undefined || spiffeId !== undefined);
    const subject = tokens.subject === undefined ? undefined : await verify(tokens.subject);
    const presenter = tokens.own === undefined || isSame(tokens) ? undefined : await verify(tokens.own);

    if (own !== undefined) return inSidecar(await own.current(), presenter, subject);
    if (presenter !== undefined && subject !== undefined) return byTwoTokens(presenter, subject);
    const only = presenter ?? subject;
    if (only === undefined) throw new Refusal('token_missing');
    if (spiffeId !== undefined) return byCertificate(spiffeId, only);
    if (tokens.own !== undefined && isOwnToken(only)) return self(only);
    return byCallerClaim(trust.named(only.trust)?.config.caller_claim, only);
  }

  return {
    async identify(call): Promise<KnownCall> {
      const parties = await establish(call);
      const { subjectToken } = parties;
      const rootId = rootOf(subjectToken);
      const subject = subjectToken.principal;
      const chain =
        parties.binding === 'self'
          ? { subject, actors: [], prior: [], rootId }
          : growChain(subjectToken, parties.caller, { maxDepth: options.identity.max_chain_depth, rootId });
      return { ...call, ...parties, subject, chain };
    },
    verify,
    async warm() {
      await Promise.all(trust.entries.map(({ keys }) => keys.warm()));
      await own?.current().catch(() => undefined); // told by status and log
      if (own?.status().lastError === 'token_issuer_unknown') options.report(ownIssuerUnknown);
    },
    status: () => [...trust.entries.map(statusOf), ...(own === undefined ? [] : [statusOfOwn(own)])],
    close() {
      for (const { keys } of trust.entries) keys.close();
    },
  };
}

/** Presented tokens beside an identity of our own. A lone token is never its presenter's proof: the agent is the caller. */
function inSidecar(
  own: VerifiedToken,
  presenter: VerifiedToken | undefined,
  subject: VerifiedToken | undefined,
): Parties {
  const only = presenter ?? subject;
  if (only === undefined) return self(own);
  if (presenter === undefined || subject === undefined) return bySidecar(own, only);
  const isAgent = isOwnToken(presenter) && samePrincipal(own.principal, presenter.principal);
  return isAgent ? bySidecar(own, subject) : byTwoTokens(presenter, subject);
}

/** `txn` where the token carries it on, else the id of the delegation that begins with this token. */
function rootOf({ txn, jti, principal }: VerifiedToken): string {
  return txn ?? (jti === undefined ? randomUUID() : delegationRoot(principal.iss, jti));
}

/** One token in both places is one token. */
function isSame({ own, subject }: PresentedTokens): boolean {
  return own !== undefined && subject !== undefined && own.reveal() === subject.reveal();
}

function openOwnIdentity(options: IdentifyOptions, verify: Verify): OwnIdentity | undefined {
  const { mode, token_file: path } = options.identity;
  if (mode !== 'sidecar' || path === undefined) return undefined;
  const { clock, log, readFile } = options;
  return createOwnIdentity({ path, verify, clock, log, readFile });
}

const ownIssuerUnknown: Problem = {
  path: ['identity', 'token_file'],
  what: 'the token in this file is of an issuer that no trust entry names',
  mend: 'add a trust entry for its issuer',
};

function reportNoWorkloads({ trust, report }: IdentifyOptions): void {
  if (trust.some(({ principal }) => principal !== 'user')) return;
  report({
    path: ['identity', 'token_file'],
    what: 'no trust entry issues workload tokens, so the own token cannot be verified',
    mend: 'add a trust entry with `principal: workload` or `any` for its issuer',
  });
}

function statusOf({ config, keys }: TrustEntry): IdentityStatus {
  const { ready, keysAgeSeconds, lastError } = keys.status();
  const { name: trust, issuer } = config;
  return { trust, issuer, ready, keysAgeSeconds, ...(lastError === undefined ? {} : { lastError }) };
}

function statusOfOwn(own: OwnIdentity): IdentityStatus {
  const { issuer, ready, ageSeconds: keysAgeSeconds, lastError } = own.status();
  const trust = 'identity.token_file';
  return { trust, issuer, ready, keysAgeSeconds, ...(lastError === undefined ? {} : { lastError }) };
}

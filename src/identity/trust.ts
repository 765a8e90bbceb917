// The trust entries, compiled: which entry answers for a token, with which keys, and what kind of principal it makes.
// Must never pick an entry by anything but the issuer and audience it was configured for.

import type { Clock, Log, Send } from '../base/ports.ts';
import type { Report } from '../base/problem.ts';
import type { JsonObject } from '../principal.ts';
import { createKeys, type Keys } from './keys.ts';
import { type TrustConfig, transactionType } from './trust-schema.ts';

/** A compiled rule over the claims of a token. May throw; a rule that throws has not decided. */
export type ClaimsRule = (claims: JsonObject) => boolean;

/** Compiles and checks a rule at load; reports what is wrong and returns undefined. */
export type CompileRule = (text: string, path: readonly (string | number)[], report: Report) => ClaimsRule | undefined;

export interface TrustEntry {
  readonly config: TrustConfig;
  readonly keys: Keys;
  /** Accepted algorithms and types, for lookup. */
  readonly algorithms: ReadonlySet<string>;
  readonly types: ReadonlySet<string>;
  /** Whether the claims are a workload's. May throw. */
  readonly isWorkload: ClaimsRule;
}

export interface Trust {
  readonly entries: readonly TrustEntry[];
  /** Entries of one issuer, in order of configuration; undefined for an issuer nobody trusts. Not for transaction tokens. */
  ofIssuer(issuer: string): readonly TrustEntry[] | undefined;
  /** Entries for transaction tokens, one for each trust domain. */
  readonly domains: readonly TrustEntry[];
  named(name: string): TrustEntry | undefined;
}

export interface TrustOptions {
  readonly trust: readonly TrustConfig[];
  readonly compileRule: CompileRule;
  readonly send: Send;
  readonly clock: Clock;
  readonly log: Log;
  readonly report: Report;
}

export function createTrust(options: TrustOptions): Trust {
  const sources = new Map<string, Keys>();
  const byName = new Map<string, TrustEntry>();
  const byIssuer = new Map<string, TrustEntry[]>();
  const domains: TrustEntry[] = [];

  for (const [index, config] of options.trust.entries()) {
    const entry = compileEntry(config, index, options, keysFor(config, sources, options));
    if (byName.has(config.name)) {
      options.report({
        path: ['trust', index, 'name'],
        what: `"${config.name}" is already the name of another entry`,
        mend: 'give each entry its own name',
      });
    }
    byName.set(config.name, entry);
    const siblings = config.accept === 'txn_token' ? domains : (byIssuer.get(config.issuer) ?? []);
    reportOverlap(config, index, siblings, options.report);
    siblings.push(entry);
    if (siblings !== domains) byIssuer.set(config.issuer, siblings);
  }
  for (const [index, config] of options.trust.entries()) reportUnknownCallers(config, index, byName, options.report);
  return {
    entries: [...byName.values()],
    ofIssuer: (issuer) => byIssuer.get(issuer),
    domains,
    named: (name) => byName.get(name),
  };
}

/** Entries of one issuer share its keys. */
function keysFor(config: TrustConfig, sources: Map<string, Keys>, { send, clock, log }: TrustOptions): Keys {
  const { issuer, jwks_uri: jwksUri, insecure_http: insecureHttp } = config;
  const id = JSON.stringify([issuer, jwksUri, insecureHttp]);
  const keys = sources.get(id) ?? createKeys({ issuer, jwksUri, insecureHttp, send, clock, log });
  sources.set(id, keys);
  return keys;
}

function compileEntry(config: TrustConfig, index: number, options: TrustOptions, keys: Keys): TrustEntry {
  return {
    config,
    keys,
    algorithms: new Set(config.algorithms),
    types: new Set(config.accept === 'txn_token' ? [transactionType] : config.types),
    isWorkload: compileKind(config, index, options),
  };
}

function compileKind(config: TrustConfig, index: number, { compileRule, report }: TrustOptions): ClaimsRule {
  if (config.principal !== 'any') {
    const workload = config.principal === 'workload';
    return () => workload;
  }
  const rule = compileRule(config.workload_when ?? '', ['trust', index, 'workload_when'], report);
  return rule ?? undecided;
}

function undecided(): boolean {
  throw new TypeError('no rule');
}

/** Workloads of a trust domain are known by an entry of their own, or by certificate. */
function reportUnknownCallers(
  { callers }: TrustConfig,
  index: number,
  entries: ReadonlyMap<string, TrustEntry>,
  report: Report,
): void {
  for (const [position, name] of (callers ?? []).entries()) {
    const entry = entries.get(name)?.config;
    const known = entry !== undefined && entry.accept === 'access_token' && entry.principal !== 'user';
    if (known || name.startsWith('spiffe://')) continue;
    report({
      path: ['trust', index, 'callers', position],
      what: `names no trust entry for tokens of workloads: ${name}`,
      mend: 'name the entry that verifies the tokens of the workloads of this trust domain',
    });
  }
}

/** With one audience in two entries, the order of the file would decide what a token is. */
function reportOverlap(config: TrustConfig, index: number, siblings: readonly TrustEntry[], report: Report): void {
  for (const sibling of siblings) {
    const shared = config.audiences.find((audience) => sibling.config.audiences.includes(audience));
    if (shared === undefined) continue;
    report({
      path: ['trust', index, 'audiences'],
      what: `"${shared}" is also an audience of entry "${sibling.config.name}"${sameIssuer(config)}`,
      mend: 'merge the entries or give each its own audiences',
    });
  }
}

function sameIssuer({ accept }: TrustConfig): string {
  return accept === 'txn_token' ? '' : ' for the same issuer';
}

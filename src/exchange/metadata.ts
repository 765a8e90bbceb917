// Where an issuer's token endpoint is: configured, or read from its metadata (OpenID Connect Discovery 1.0 section 4,
// RFC 8414 section 3). Must never believe metadata that speaks for another issuer (RFC 8414 section 3.3, mix-up), nor send
// tokens to an endpoint that metadata moved from https to http, be it on this machine.

import * as z from 'zod';
import { Refusal } from '../base/errors.ts';
import { type Clock, type Send, SendFailure } from '../base/ports.ts';
import { type IssuerOptions, isProtected } from './issuer-schema.ts';
import { parseJson } from './json.ts';
import { defaultRetryAfter } from './token-error.ts';

/** Largest metadata document, in bytes. */
const maxMetadataBytes = 256 * 1024;

/** How long metadata is believed, in ms. After it, a failed look-up keeps the endpoint known before: it holds no right. */
const believedFor = 3_600_000;

/** How long a failed look-up is not repeated, in ms: many waiting calls must not hammer an issuer that is down. */
const failedFor = 1_000;

export interface IssuerMetadata {
  /** Issuer identifier; the token endpoint where none is configured. */
  readonly issuer: string;
  readonly tokenEndpoint: string;
  /** RFC 8414 section 2; undefined where there is none that tokens may be sent to, or the token endpoint was configured. */
  readonly introspectionEndpoint: string | undefined;
  /** RFC 8705 section 5; each undefined where there is none that may be used, all where the token endpoint was configured. */
  readonly mtlsAliases?:
    | { readonly tokenEndpoint: string | undefined; readonly introspectionEndpoint: string | undefined }
    | undefined;
  /** RFC 9449 section 5.1; undefined where the issuer does not say, or the token endpoint was configured. */
  readonly dpopAlgorithms?: readonly string[] | undefined;
}

const endpoint = z.string().max(2_048);
const metadataDocument = z.object({
  issuer: z.string(),
  token_endpoint: endpoint,
  introspection_endpoint: endpoint.optional(),
  mtls_endpoint_aliases: z
    .object({ token_endpoint: endpoint.optional(), introspection_endpoint: endpoint.optional() })
    .optional()
    .catch(undefined),
  dpop_signing_alg_values_supported: z.array(z.string()).optional().catch(undefined),
});

export interface MetadataPorts {
  readonly clock: Clock;
  readonly send: Send;
}

/** @returns a look-up that asks the network at most once at a time, and rejects with Refusals only */
export function createMetadata(options: IssuerOptions, ports: MetadataPorts): () => Promise<IssuerMetadata> {
  const { issuer, token_endpoint } = options;
  if (token_endpoint !== undefined) {
    const configured = {
      issuer: issuer ?? token_endpoint,
      tokenEndpoint: token_endpoint,
      introspectionEndpoint: undefined,
    };
    return async () => configured;
  }
  if (issuer === undefined) {
    return async () =>
      Promise.reject(new Refusal('exchange_misconfigured', { detail: 'no issuer and no token endpoint' }));
  }
  return remembered(() => discover(issuer, options, ports.send), ports.clock);
}

function remembered(look: () => Promise<IssuerMetadata>, clock: Clock): () => Promise<IssuerMetadata> {
  let known: IssuerMetadata | undefined;
  let askAgainAt = Number.NEGATIVE_INFINITY;
  let failure: unknown;
  let looking: Promise<IssuerMetadata> | undefined;

  async function lookNow(): Promise<IssuerMetadata> {
    try {
      known = await look();
      askAgainAt = clock.now() + believedFor;
      return known;
    } catch (cause) {
      failure = cause;
      askAgainAt = clock.now() + failedFor;
      if (known !== undefined) return known;
      throw cause;
    } finally {
      looking = undefined;
    }
  }

  return async () => {
    if (clock.now() < askAgainAt) {
      if (known !== undefined) return known;
      throw failure;
    }
    looking ??= lookNow();
    return looking;
  };
}

async function discover(issuer: string, options: IssuerOptions, send: Send): Promise<IssuerMetadata> {
  for (const url of wellKnown(issuer)) {
    const request = { method: 'GET', headers: { accept: 'application/json' } } as const;
    const limits = { maxBytes: maxMetadataBytes, timeoutMs: options.timeout };
    const answer = await send({ ...request, ...limits, url }).catch(refuseUnsent);
    if (answer.status >= 400 && answer.status < 500) continue; // not published there
    if (answer.status !== 200) throw unusable('issuer_failed', `answered ${answer.status}`);
    return readMetadata(parseJson(answer), issuer, options);
  }
  throw unusable('issuer_failed', 'is not published by the issuer');
}

/** OpenID Connect appends to the path, RFC 8414 section 3.1 inserts before it. */
function wellKnown(issuer: string): readonly string[] {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  return [
    `${origin}${path}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
  ];
}

function readMetadata(document: unknown, issuer: string, options: IssuerOptions): IssuerMetadata {
  const parsed = metadataDocument.safeParse(document);
  if (!parsed.success) throw unusable('issuer_answer_malformed', 'is not a JSON document with a token endpoint');
  const { token_endpoint: tokenEndpoint, introspection_endpoint: introspectionEndpoint } = parsed.data;
  const { dpop_signing_alg_values_supported: dpopAlgorithms } = parsed.data;
  if (parsed.data.issuer !== issuer) throw unusable('issuer_answer_malformed', 'speaks for another issuer');
  if (!isUsable(tokenEndpoint, issuer, options)) {
    throw unusable('issuer_answer_malformed', 'names a token endpoint without https');
  }
  const usable = (url: string | undefined) => (url !== undefined && isUsable(url, issuer, options) ? url : undefined);
  const aliases = parsed.data.mtls_endpoint_aliases;
  return {
    issuer,
    tokenEndpoint,
    introspectionEndpoint: usable(introspectionEndpoint),
    mtlsAliases: aliases && {
      tokenEndpoint: usable(aliases.token_endpoint),
      introspectionEndpoint: usable(aliases.introspection_endpoint),
    },
    dpopAlgorithms,
  };
}

/** An issuer that is reached by https names nothing less: no exception holds for what its metadata chooses. */
function isUsable(url: string, issuer: string, options: IssuerOptions): boolean {
  const parsed = URL.parse(url);
  if (parsed === null || !isProtected(url, options)) return false;
  return parsed.protocol === 'https:' || new URL(issuer).protocol !== 'https:';
}

function refuseUnsent(failure: unknown): never {
  if (!(failure instanceof SendFailure)) throw failure;
  if (failure.kind === 'timeout') throw unusable('issuer_timeout', failure.kind);
  if (failure.kind === 'too_large') throw unusable('issuer_answer_oversize', failure.kind);
  throw unusable('issuer_unreachable', failure.kind);
}

type MetadataReason =
  | 'issuer_failed'
  | 'issuer_timeout'
  | 'issuer_unreachable'
  | 'issuer_answer_malformed'
  | 'issuer_answer_oversize';

function unusable(reason: MetadataReason, what: string): Refusal {
  return new Refusal(reason, { detail: `issuer metadata ${what}`, retryAfter: defaultRetryAfter });
}

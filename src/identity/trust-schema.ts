// Configuration of trust: whose tokens are understood, and as what.
// Symmetric algorithms and `none` cannot be written here: with them, whoever can verify a token can also make one.

import * as z from 'zod';
import { duration, httpUrl, identifier, isLoopback } from '../base/scalars.ts';

/** Asymmetric signature algorithms of RFC 7518, RFC 8037 and RFC 9864. */
export const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;

/** `typ` of a transaction token (draft-ietf-oauth-transaction-tokens-10, "JWT Header"). */
export const transactionType = 'txntoken+jwt';

const defaultTypes = ['at+jwt', 'jwt', 'absent'];

const tokenType = z
  .string()
  .regex(/^[A-Za-z0-9.+/_-]{1,64}$/, 'is not a token type such as at+jwt, JWT or absent')
  .transform(normalType)
  .meta({ type: 'string' });

/** One issuer whose tokens are understood. */
export const trustSchema = z
  .strictObject({
    name: identifier.describe('Name of this entry in audit records, spans and status.'),
    issuer: httpUrl.describe('Issuer identifier, exactly as the `iss` claim of its tokens has it.'),
    accept: z
      .enum(['access_token', 'txn_token'])
      .default('access_token')
      .describe(
        'What its tokens are: `txn_token` for the transaction tokens of one trust domain, taken from the `Txn-Token` header and from nowhere else.',
      ),
    jwks_uri: httpUrl
      .optional()
      .describe('Where its public keys are; by default read from its discovery document (OpenID Connect or RFC 8414).'),
    audiences: z
      .array(z.string().min(1).max(1_024))
      .min(1)
      .max(32)
      .describe(
        'Accepted `aud` values: the names this gate goes by at that issuer. A token for anyone else is refused. With `accept: txn_token` the one name of the trust domain.',
      ),
    principal: z
      .enum(['user', 'workload', 'any'])
      .describe('What its tokens stand for; `any` when it issues both kinds, told apart by `workload_when`.'),
    workload_when: z
      .string()
      .min(1)
      .max(4_096)
      .optional()
      .describe('CEL expression over `claims` that is true for workload tokens; required with `principal: any`.')
      .meta({
        examples: ['claims.sub.startsWith("spiffe://")', 'has(claims.client_id) && claims.sub == claims.client_id'],
      }),
    algorithms: z
      .array(z.enum(algorithms))
      .min(1)
      .default([...algorithms])
      .describe('Accepted signature algorithms.'),
    types: z
      .array(tokenType)
      .min(1)
      .prefault(defaultTypes)
      .describe(
        'Accepted `typ` headers, in any case and without `application/`; `absent` accepts tokens that have none.',
      ),
    clock_skew: duration
      .prefault('30s')
      .describe('How far the clocks of issuer and gate may differ.')
      .refine((milliseconds) => milliseconds <= 300_000, 'is more than 5m; mend the clocks instead'),
    caller_claim: z
      .enum(['azp', 'client_id'])
      .optional()
      .describe(
        "Claim of a user token that names the calling client, for shared gates without a caller's own token. Weaker: " +
          'whoever holds the token is taken for that client. Recorded as binding `caller_claim`.',
      ),
    callers: z
      .array(
        z
          .string()
          .regex(/^(?:[a-z][a-z0-9_-]{0,62}|spiffe:\/\/[a-z0-9._-]{1,255})$/, 'is no trust entry or SPIFFE domain'),
      )
      .min(1)
      .max(32)
      .optional()
      .describe(
        'With `accept: txn_token`, whose workloads belong to the trust domain and may use its tokens: names of trust entries, or `spiffe://domain` for callers known by certificate.',
      ),
    max_token_age: duration
      .optional()
      .describe('Longest time since `iat`; older tokens are refused even if unexpired.'),
    insecure_accept_bound_tokens: z
      .boolean()
      .default(false)
      .describe(
        'Takes tokens bound to a key (`cnf`: DPoP, certificates) as bearer tokens: whoever stole one can then use it here.',
      ),
    insecure_http: z
      .boolean()
      .default(false)
      .describe('Allows http to this issuer off this machine: anyone on the way can then replace its keys.'),
  })
  .superRefine((entry, context) => {
    if (entry.principal === 'any' && entry.workload_when === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['workload_when'],
        message: 'is required with `principal: any`; write what is true of workload tokens only',
      });
    }
    if (entry.principal !== 'any' && entry.workload_when !== undefined) {
      context.addIssue({ code: 'custom', path: ['workload_when'], message: 'has no effect without `principal: any`' });
    }
    for (const [path, message] of kindProblems(entry)) context.addIssue({ code: 'custom', path: [path], message });
    for (const field of ['issuer', 'jwks_uri'] as const) {
      const url = entry[field];
      if (url === undefined || maySend(url, entry.insecure_http)) continue;
      context.addIssue({
        code: 'custom',
        path: [field],
        message: 'is plain http off this machine; use https, a literal loopback address, or insecure_http: true',
      });
    }
  });

interface KindOptions {
  readonly accept: 'access_token' | 'txn_token';
  readonly audiences: readonly string[];
  readonly types: readonly string[];
  readonly callers?: readonly string[] | undefined;
  readonly caller_claim?: string | undefined;
}

function kindProblems({ accept, audiences, types, callers, caller_claim: claim }: KindOptions): [string, string][] {
  if (accept === 'access_token') {
    return [
      ...when(callers !== undefined, 'callers', 'has no effect without `accept: txn_token`'),
      ...when(types.includes(transactionType), 'types', `has ${transactionType}, which takes accept: txn_token`),
    ];
  }
  const given = types.join() !== defaultTypes.join();
  return [
    ...when(audiences.length > 1, 'audiences', 'is more than one; a transaction token is for one trust domain'),
    ...when(callers === undefined, 'callers', 'is required with `accept: txn_token`; name the workloads of the domain'),
    ...when(given, 'types', `has no effect with accept: txn_token, which accepts ${transactionType} alone`),
    ...when(claim !== undefined, 'caller_claim', 'has no effect with `accept: txn_token`: it proves no caller'),
  ];
}

function when(holds: boolean, path: string, message: string): [string, string][] {
  return holds ? [[path, message]] : [];
}

export type TrustConfig = z.output<typeof trustSchema>;

/** `application/at+JWT` -> `at+jwt`: RFC 7515 section 4.1.9, media types without their tree, in any case. */
export function normalType(typ: string): string {
  return typ.toLowerCase().replace(/^application\//, '');
}

/** Whether a message may go to this URL: https, this machine, or explicitly allowed. */
export function maySend(url: string, insecureHttp: boolean): boolean {
  if (!URL.canParse(url)) return false;
  const parsed = new URL(url);
  return parsed.protocol === 'https:' || (parsed.protocol === 'http:' && (insecureHttp || isLoopback(parsed)));
}

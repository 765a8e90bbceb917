// The part of the configuration that every grant which asks an OAuth issuer shares: where it is, and who we are to it.
// Plain http is possible on a loopback address only, unless somebody wrote `insecure_http`.

import * as z from 'zod';
import type { Report } from '../base/problem.ts';
import { duration, httpUrl, identifier, isLoopback } from '../base/scalars.ts';
import { clientSchema } from './client-auth-schema.ts';

/** Longest time one message to an issuer may take, in ms: a hanging issuer must not hold calls for minutes. */
const longestTimeout = 10_000;

export const timeoutShape = {
  timeout: duration
    .refine((ms) => ms >= 100 && ms <= longestTimeout, 'must be between 100ms and 10s')
    .prefault('5s')
    .describe('Longest time one message to the issuer may take.'),
};

export const issuerShape = {
  issuer: httpUrl
    .optional()
    .describe('Issuer identifier; its metadata (OpenID discovery or RFC 8414) names the token endpoint.'),
  token_endpoint: httpUrl.optional().describe('Token endpoint, where it is not to be discovered from `issuer`.'),
  client: clientSchema.describe('How this gate authenticates itself to the issuer.'),
  ...timeoutShape,
  insecure_http: z
    .boolean()
    .default(false)
    .describe('Allow plain http to an issuer that is not on a loopback address: tokens can then be read on the way.'),
};

export const subjectShape = {
  subject_source: identifier
    .optional()
    .describe(
      'Name of a subject source: the exchange is made in the name of this gate, for every caller alike; by default in that of the subject of the call.',
    ),
};

export const introspectShape = {
  introspect: z
    .strictObject({
      endpoint: httpUrl.optional().describe('Introspection endpoint, where it is not to be discovered from `issuer`.'),
      client: clientSchema
        .optional()
        .describe('How this gate authenticates itself there; by default as at the token endpoint.'),
    })
    .optional()
    .describe(
      'Ask the issuer what an opaque token says (RFC 7662), so that it can be verified too. `{}` for the discovered endpoint.',
    ),
};

const headerValue = z.string().regex(/^[\x21-\x7e](?:[\x20-\x7e]{0,510}[\x21-\x7e])?$/, 'is not a header value');

/** Set by the gate itself on token requests, or the place of a credential. */
const reservedHeaders = new Set([
  ...['authorization', 'proxy-authorization', 'cookie', 'host', 'content-length', 'content-type', 'transfer-encoding'],
  ...['connection', 'upgrade', 'te', 'trailer', 'expect', 'accept', 'traceparent', 'dpop'],
]);

export const messageShape = {
  encoding: z
    .enum(['form', 'json'])
    .default('form')
    .describe('How parameters are sent: as a form (RFC 6749), or as one JSON object where a vendor wants that.'),
  headers: z
    .record(
      z
        .string()
        .regex(/^[a-z0-9-]{1,64}$/, 'is not a header name in lower case')
        .refine((name) => !reservedHeaders.has(name), 'is set by the gate itself and cannot be given here'),
      headerValue,
    )
    .default({})
    .describe('Further headers of every token request; not for secrets.'),
};

/** What only the gate and client authentication may say in a token request. */
const reservedParameters = new Set([
  ...['grant_type', 'assertion', 'subject_token', 'subject_token_type', 'actor_token', 'actor_token_type'],
  ...['requested_token_type', 'audience', 'resource', 'scope'],
  ...['client_id', 'client_secret', 'client_assertion', 'client_assertion_type'],
]);

const parameterName = z
  .string()
  .regex(/^[A-Za-z0-9_.:-]{1,64}$/, 'is not a parameter name')
  .refine((name) => !reservedParameters.has(name), 'is set by the gate itself and cannot be given here');

export const parametersShape = {
  parameters: z
    .record(parameterName, z.string().max(2_048))
    .default({})
    .describe('Further parameters the issuer wants, sent with every exchange.'),
};

export interface IssuerOptions {
  readonly issuer?: string | undefined;
  readonly token_endpoint?: string | undefined;
  readonly timeout: number;
  readonly insecure_http: boolean;
}

/** For endpoints at which nobody can allow plain http. @param option that names the endpoint */
export function reportUnprotected(url: string, option: string, report: Report): void {
  if (isProtected(url, { insecure_http: false })) return;
  report({ path: [option], what: 'would carry tokens over plain http', mend: 'use https' });
}

/** Whether tokens may be sent there: https, this machine, or somebody said so. */
export function isProtected(url: string, options: Pick<IssuerOptions, 'insecure_http'>): boolean {
  const parsed = new URL(url);
  if (parsed.protocol === 'https:') return true;
  return parsed.protocol === 'http:' && (isLoopback(parsed) || options.insecure_http);
}

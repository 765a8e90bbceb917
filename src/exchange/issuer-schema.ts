// The part of the configuration that every grant which asks an OAuth issuer shares: where it is, and who we are to it.
// Plain http is possible on a loopback address only, unless somebody wrote `insecure_http`.

import { z } from 'zod';
import { duration, httpUrl, isLoopback } from '../base/scalars.ts';
import { clientSchema } from './client-auth-schema.ts';

/** Longest time one message to an issuer may take, in ms: a hanging issuer must not hold calls for minutes. */
const longestTimeout = 10_000;

export const issuerShape = {
  issuer: httpUrl
    .optional()
    .describe('Issuer identifier; its metadata (OpenID discovery or RFC 8414) names the token endpoint.'),
  token_endpoint: httpUrl.optional().describe('Token endpoint, where it is not to be discovered from `issuer`.'),
  client: clientSchema.describe('How this gate authenticates itself to the issuer.'),
  timeout: duration
    .refine((ms) => ms >= 100 && ms <= longestTimeout, 'must be between 100ms and 10s')
    .prefault('5s')
    .describe('Longest time one message to the issuer may take.'),
  insecure_http: z
    .boolean()
    .default(false)
    .describe('Allow plain http to an issuer that is not on a loopback address: tokens can then be read on the way.'),
};

export interface IssuerOptions {
  readonly issuer?: string | undefined;
  readonly token_endpoint?: string | undefined;
  readonly timeout: number;
  readonly insecure_http: boolean;
}

/** Whether tokens may be sent there: https, this machine, or somebody said so. */
export function isProtected(url: string, options: Pick<IssuerOptions, 'insecure_http'>): boolean {
  const parsed = new URL(url);
  if (parsed.protocol === 'https:') return true;
  return parsed.protocol === 'http:' && (isLoopback(parsed) || options.insecure_http);
}

// Configuration of exchanges: one shape per grant, each from the grant's own file, told apart by `grant`; of subject sources
// likewise; and what a route says about its credential.

import * as z from 'zod';
import { identifier } from '../base/scalars.ts';
import type { RouteAsk } from './grant.ts';
import * as grants from './grants/index.ts';
import { requestShape } from './request-schema.ts';
import * as sources from './sources/index.ts';

/** Name that stands for no exchange: it must be written, it is never a default. */
export const noExchange = 'none';

const [firstSchema, ...otherSchemas] = Object.values(grants).map(({ schema }) => schema);
if (firstSchema === undefined) throw new TypeError('there is no grant');

/** One entry of `exchanges`. */
export const exchangeSchema = z.discriminatedUnion('grant', [firstSchema, ...otherSchemas]);

export type { RouteAsk } from './grant.ts';

export type ExchangeConfig = z.output<typeof exchangeSchema>;

const [firstSource, ...otherSources] = Object.values(sources).map(({ schema }) => schema);
if (firstSource === undefined) throw new TypeError('there is no subject source');

/** One entry of `subject_sources`. */
export const sourceSchema = z.discriminatedUnion('source', [firstSource, ...otherSources]);

export type SourceConfig = z.output<typeof sourceSchema>;

const asks = new Map<string, readonly RouteAsk[]>(Object.values(grants).map((grant) => [grant.type, grant.asks]));

/** What an exchange of this grant passes on of what a route asks for. */
export function asksOf(grant: ExchangeConfig['grant']): readonly RouteAsk[] {
  return asks.get(grant) ?? [];
}

/** What a route says about its credential. */
export const routeExchangeShape = {
  exchange: identifier.describe(
    'Name of the exchange that gives this route its credential, or `none` to forward without one.',
  ),
  audience: requestShape.audience.optional().describe('Audience asked of the issuer, and expected in what it issues.'),
  resource: requestShape.resource
    .optional()
    .transform((given) => given ?? [])
    .describe('Resource or resources asked of the issuer (RFC 8707), and expected in what it issues.'),
  requested_token_type: requestShape.tokenType
    .prefault('access_token')
    .describe('Type of token asked for: access_token, jwt, id_token or a URI.'),
  verify: z
    .enum(['strict', 'record'])
    .default('strict')
    .describe(
      '`strict` refuses an issued token that is not what was asked for; `record` lets it pass and says so in the audit record.',
    ),
};

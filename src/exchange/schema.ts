// Configuration of exchanges: one shape per grant, each from the grant's own file, told apart by `grant`; and what a route
// says about its credential.

import { z } from 'zod';
import { identifier } from '../base/scalars.ts';
import * as grants from './grants/index.ts';
import { tokenType } from './token-type.ts';

/** Name that stands for no exchange: it must be written, it is never a default. */
export const noExchange = 'none';

const [firstSchema, ...otherSchemas] = Object.values(grants).map(({ schema }) => schema);
if (firstSchema === undefined) throw new TypeError('there is no grant');

/** One entry of `exchanges`. */
export const exchangeSchema = z.discriminatedUnion('grant', [firstSchema, ...otherSchemas]);

export type ExchangeConfig = z.output<typeof exchangeSchema>;

/** RFC 8707 section 2: an absolute URI without fragment. */
const resource = z
  .string()
  .max(2_048)
  .refine((uri) => URL.canParse(uri) && /^[\x21\x22\x24-\x7e]+$/.test(uri), 'is not an absolute URI without fragment');

/** What a route says about its credential. */
export const routeExchangeShape = {
  exchange: identifier.describe(
    'Name of the exchange that gives this route its credential, or `none` to forward without one.',
  ),
  audience: z
    .string()
    .regex(/^[\x21-\x7e]{1,512}$/, 'is not an audience (printable ASCII without spaces)')
    .optional()
    .describe('Audience asked of the issuer, and expected in what it issues.'),
  resource: z
    .union([resource, z.array(resource).min(1).max(16)])
    .optional()
    .transform((given) => (given === undefined ? [] : [given].flat()))
    .describe('Resource or resources asked of the issuer (RFC 8707), and expected in what it issues.'),
  requested_token_type: tokenType
    .prefault('access_token')
    .describe('Type of token asked for: access_token, jwt, id_token or a URI.'),
  verify: z
    .enum(['strict', 'record'])
    .default('strict')
    .describe(
      '`strict` refuses an issued token that is not what was asked for; `record` lets it pass and says so in the audit record.',
    ),
};

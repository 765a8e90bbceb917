// What can be asked of an issuer, as written in the configuration: by a route, and by one step of a chain.
// Shapes only; nothing here is sent.

import * as z from 'zod';
import { tokenType } from './token-type.ts';

/** RFC 8707 section 2: an absolute URI without fragment. */
const resource = z
  .string()
  .max(2_048)
  .refine((uri) => URL.canParse(uri) && /^[\x21\x22\x24-\x7e]+$/.test(uri), 'is not an absolute URI without fragment');

export const requestShape = {
  audience: z.string().regex(/^[\x21-\x7e]{1,512}$/, 'is not an audience (printable ASCII without spaces)'),
  /** One or several, as a list. */
  resource: z.union([resource, z.array(resource).min(1).max(16)]).transform((given) => [given].flat()),
  tokenType,
};

// The configuration of outgoing connections: which networks may be reached and which certificate authorities are trusted.
// Only shape and defaults; network.ts compiles it.

import * as z from 'zod';
import { isNetwork } from '../base/addresses.ts';
import { configPath } from '../base/config-path.ts';

const network = z
  .string()
  .refine(isNetwork, 'is not a network in CIDR notation, such as 10.0.0.0/8 or fd00::/8')
  .meta({ title: 'network', examples: ['10.0.0.0/8', '169.254.169.254/32', 'fd00::/8'] });

export const networkSchema = z
  .strictObject({
    deny: z
      .array(network)
      .max(1_000)
      .default([])
      .describe(
        'Networks no upstream or issuer may be in, besides link-local, metadata, multicast and unspecified addresses, which are always refused.',
      ),
    allow: z
      .array(network)
      .max(1_000)
      .default([])
      .describe('Exceptions: networks that may be reached although they are refused by `deny` or by default.'),
    ca_file: configPath
      .optional()
      .describe(
        'PEM file of certificate authorities trusted for upstreams and issuers, in addition to those of the runtime.',
      ),
  })
  .prefault({})
  .describe('Where outgoing connections may go.');

export type NetworkConfig = z.output<typeof networkSchema>;

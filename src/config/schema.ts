// The whole configuration: composed of the features' own schemas, which say what each option means.
// Must never decide anything itself, nor describe an option that a feature owns.

import * as z from 'zod';
import { auditSchema } from '../audit/schema.ts';
import { configPath } from '../base/config-path.ts';
import { identifier } from '../base/scalars.ts';
import { exchangeSchema, routeExchangeShape, sourceSchema } from '../exchange/schema.ts';
import { networkSchema } from '../forwarding/schema.ts';
import { identitySchema, inboundIdentityShape, routeIdentityShape, trustSchema } from '../identity/schema.ts';
import { checkInboundListen, inboundListenShape, listenSchema } from '../listeners/schema.ts';
import { routePolicyShape } from '../policy/schema.ts';
import { revocationSchema } from '../revocation/schema.ts';
import { routeRoutingShape } from '../routing/schema.ts';
import { stsSchema } from '../sts/schema.ts';
import { telemetrySchema } from '../telemetry/schema.ts';
import { workersSchema } from '../workers/schema.ts';

/** The configuration format this Postern reads; another number is refused. */
export const configVersion = 1;

/** Entries of one list or map of the configuration; all are compiled at load and looked through by people. */
const maxEntries = 1_000;

export const routeSchema = z.strictObject({
  ...routeRoutingShape,
  ...routeIdentityShape,
  ...routeExchangeShape,
  ...routePolicyShape,
});

const { headers, timeouts, max_connections, response_guard, websocket } = routeRoutingShape;

/** Name of the way in to the agent in spans and audit records, where it stands among routes. */
export const inboundRoute = 'inbound';

/** The way in to the agent: a route turned around, whose credential is a handle. */
const inboundSchema = z
  .strictObject({
    ...inboundListenShape,
    ...inboundIdentityShape,
    allow: routePolicyShape.allow,
    ...{ headers, timeouts, max_connections, response_guard, websocket },
  })
  .superRefine(checkInboundListen);

export const configSchema = z.strictObject({
  version: z.literal(configVersion).describe('Version of the configuration format.'),
  listen: listenSchema.describe('Where agents call and where operators look.'),
  trust: z
    .array(trustSchema)
    .min(1, 'is empty: nobody could be identified; name at least one issuer')
    .max(maxEntries)
    .describe('Whose tokens are understood, and as what.'),
  identity: identitySchema
    .prefault({})
    .describe('What this gate is; in a sidecar, the identity of the agent beside it.'),
  inbound: inboundSchema
    .optional()
    .describe('The listener in front of the agent: takes the tokens of its callers and gives it handles instead.'),
  exchanges: z
    .record(identifier, exchangeSchema)
    .default({})
    .describe('Ways to obtain a credential for a hop, by name; routes refer to them.'),
  subject_sources: z
    .record(identifier, sourceSchema)
    .default({})
    .describe(
      'Where tokens of this gate itself come from, by name, for exchanges in its own name (`subject_source`): files, metadata services, CI runners.',
    ),
  routes: z
    .array(routeSchema)
    .min(1, 'is empty: every call would be refused; write at least one route')
    .max(maxEntries)
    .describe('The APIs agents may call, and under which rules. A call that matches no route is refused.'),
  presets: z
    .array(configPath)
    .max(16)
    .default([])
    .describe('Folders with presets of your own, besides those that come with Postern.'),
  telemetry: telemetrySchema.describe('Traces and metrics.'),
  audit: auditSchema.describe('One record for every call, allowed or refused.'),
  revocation: revocationSchema,
  network: networkSchema,
  workers: workersSchema,
  sts: stsSchema.describe('The embedded issuer.'),
});

/** The same, but for the entries it needs: what is checked when some of them have problems of their own. */
export const lenientSchema = configSchema.extend({
  trust: z.array(trustSchema).max(maxEntries).default([]),
  routes: z.array(routeSchema).max(maxEntries).default([]),
});

export type Config = z.output<typeof configSchema>;
export type RouteConfig = Config['routes'][number];

/** The name of a route in policy, spans and audit. */
export function routeId(route: Pick<RouteConfig, 'name' | 'preset'>): string | undefined {
  return route.name ?? route.preset;
}

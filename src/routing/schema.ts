// The routing part of a route's configuration, and the pieces presets share with it.
// Shapes only: what a preset and a route mean together is resolved in resolve.ts.

import * as z from 'zod';
import { byteSize, httpUrl, identifier, wait } from '../base/scalars.ts';
import { mayPass } from './header-rules.ts';

export const mountPath = z
  .string()
  .regex(
    /^\/(?!\.{1,2}(?:\/|$))(?:[A-Za-z0-9\-._~]+(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9\-._~]+)*)?$/,
    'is not a path to mount at; write segments of letters, digits, "-", ".", "_" and "~", no "/" at the end, such as /openai',
  )
  .meta({ title: 'path', examples: ['/openai', '/teams/search'] });

/** `accept`, or `x-stainless-*` for every name with that beginning. */
export const headerRule = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}(?:-\*)?$/, 'is not a header name in lower case; a rule for several ends in "-*"')
  .refine(mayPass, 'names headers that must not pass the gate (credentials, framing, tracing)')
  .meta({ title: 'header rule', examples: ['accept', 'x-stainless-*'] });

const headerName = z
  .string()
  .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'is not a header name in lower case')
  .meta({ title: 'header name' });

export const fixedHeaders = z.record(
  headerName.refine(mayPass, 'names a header that must not be set here'),
  z.string().regex(/^[\x21-\x7e](?:[\x20-\x7e]{0,1022}[\x21-\x7e])?$/, 'is not a header value (printable ASCII)'),
);

export const dialect = z.enum(['openai', 'anthropic', 'gemini', 'mcp', 'problem']);

const awsName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'is not a name as AWS writes it, in lower case');

export const placement = z.union([
  z.literal('bearer').describe('`Authorization: Bearer <credential>`.'),
  z.literal('none').describe('The upstream needs no credential.'),
  z.strictObject({
    header: headerName.describe('Header that carries the credential.'),
    prefix: z
      .string()
      .regex(/^[\x21-\x7e]{1,32} ?$/, 'is not a prefix (one printable word, perhaps with a space after it)')
      .optional()
      .describe('Text before the credential, including its space, such as "Token ".'),
  }),
  z.strictObject({
    query: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/, 'is not a parameter name')
      .describe(
        'Query parameter that carries the credential. Ends up in logs of the upstream; use only where it offers nothing else.',
      ),
  }),
  z.strictObject({
    sigv4: z
      .strictObject({
        // S3 alone encodes paths once and takes bodies by parts: its requests would be signed wrong.
        service: awsName
          .refine((name) => !/^s3(?:$|[^a-z])/.test(name), 'is not supported: S3 signs in a way of its own')
          .describe('Signing name of the AWS service, such as `bedrock`.'),
        region: awsName.optional().describe("Region signed for; the one in the upstream's host name by default."),
      })
      .describe(
        'AWS Signature Version 4: the credential signs each request and is not sent. Bodies are read whole, up to `inspection_limit`.',
      ),
  }),
]);

const hostName = z
  .string()
  .regex(
    /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*(?::[1-9][0-9]{0,4})?$/,
    'is not a host name in lower case, such as api.example.com or api.example.com:8443',
  )
  .meta({ title: 'host' });

const owner = z.string().min(1).max(128).optional();

/** The routing part of a route entry; `config` composes it with the other features' parts in one strict object. */
export const routeRoutingShape = {
  preset: identifier.optional().describe('Preset this route is made from: a file of `routes/`, by its id.'),
  name: identifier.optional().describe('Name of the route in policy, spans and audit; the preset id when absent.'),
  path: mountPath
    .optional()
    .describe("Path the agent finds the API under; the preset's own when absent. The longest path wins."),
  host: hostName.optional().describe('Only calls to this host match (Host header or absolute-form target).'),
  upstream: httpUrl.optional().describe("Base URL of the API; the preset's own when absent."),
  insecure_plain_http: z
    .boolean()
    .default(false)
    .describe(
      'Allows an upstream over plain http that is not on this machine: its credential crosses the network readable.',
    ),
  dialect: dialect.optional().describe("Shape of error bodies the client understands; the preset's own when absent."),
  provider: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]{0,62}$/, 'is not a provider name, such as openai or mistral_ai')
    .optional()
    .describe('`gen_ai.provider.name` in traces, for model APIs.'),
  headers: z
    .strictObject({
      forward: z
        .array(headerRule)
        .max(64)
        .default([])
        .describe('Request headers that pass, besides those of the preset.'),
      set: fixedHeaders.default({}).describe('Request headers set on every call, whatever the agent sent.'),
    })
    .prefault({})
    .describe('Which request headers reach the upstream: nothing passes that is not named.'),
  placement: placement
    .optional()
    .describe("Where the credential goes on the outgoing request; the preset's own when absent."),
  inspection_limit: byteSize
    .prefault('1MiB')
    .describe('Largest body read whole where policy needs a field of it; a larger one is refused.'),
  http2: z
    .boolean()
    .default(false)
    .describe(
      'Speaks HTTP/2 to the upstream. Calls whose body is streamed or larger than 16 KiB go over HTTP/1.1 all the same, so the upstream must speak both. Costs about half as much CPU again.',
    ),
  timeouts: z
    .strictObject({
      idle: wait
        .prefault('5m')
        .describe('Longest silence of the upstream, before and during the answer. There is no total limit.'),
      connect: wait.prefault('10s').describe('Longest time to connect to the upstream.'),
    })
    .prefault({})
    .describe('Time limits towards the upstream.'),
  max_connections: z
    .number()
    .int()
    .min(1)
    .max(65_535)
    .default(256)
    .describe(
      'Most connections to the upstream, in each of several `workers`: streams open at once must fit, further calls are turned away.',
    ),
  response_guard: z
    .enum(['on', 'off'])
    .default('on')
    .describe('Looks for the issued credential in answers and ends the call when an upstream echoes it.'),
  websocket: z.boolean().optional().describe('Whether WebSocket upgrades are allowed; as the preset says when absent.'),
  owners: z
    .strictObject({
      issuance: owner.describe('Who answers for the credentials of this route.'),
      policy: owner.describe('Who answers for its rules.'),
    })
    .optional()
    .describe('Who is responsible; carried into every audit record.'),
};

const routeRouting = z.strictObject(routeRoutingShape);

/** A route entry's routing part, parsed. */
export type RouteRouting = z.output<typeof routeRouting>;

// The schema of a preset: the reusable description of one API, one YAML file in `routes/`. Data only, no code.
// A preset must never grant anything: what may be called is the route's policy, with which credential its exchange.

import * as z from 'zod';
import { reasons } from '../base/errors.ts';
import { httpUrl, identifier } from '../base/scalars.ts';
import { compilePattern, patternSyntax } from './pattern.ts';
import { dialect, fixedHeaders, headerRule, mountPath, placement } from './schema.ts';

const pattern = z
  .string()
  .max(256)
  .regex(patternSyntax, 'is not a path pattern; write /v1/models/{model}, or /v1/files/* for any rest');

const operationName = z.string().regex(/^[a-z][a-z0-9_./]{0,62}$/, 'is not an operation name');
const pointer = z
  .string()
  .regex(/^(?:\/[A-Za-z0-9_-]{1,64}){1,4}$/, 'is not a JSON pointer of at most four names, such as /model');

const source = z.union([
  z.strictObject({ body: pointer.describe('Field of the JSON body, as a JSON pointer.') }),
  z.strictObject({
    path: z
      .union([z.string(), z.array(z.string()).min(2).max(4)])
      .describe('Parameter of the path pattern; several are joined with "/", as in `[owner, repo]`.'),
  }),
  z.strictObject({
    query: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/)
      .describe('Query parameter.'),
  }),
]);

const method = z.enum(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);

const operation = z
  .strictObject({
    method: z.union([method, z.array(method).min(1)]).describe('Method or methods of the operation.'),
    path: pattern.describe('Path below the route.'),
    operation: operationName.describe('Name for policy, spans and audit.'),
    model: source.optional().describe('Where the model is named.'),
    stream: z
      .union([z.boolean(), source])
      .optional()
      .describe('Whether the answer streams, or where the request says so.'),
    tool: source.optional().describe('Where the tool is named.'),
    resource: source.optional().describe('Where the resource is named.'),
    refuse_body: z
      .array(pointer)
      .default([])
      .describe(
        'Body fields that would name the model a second way; a body with one is refused, since policy sees only one.',
      ),
    multipart: z
      .boolean()
      .default(false)
      .describe('May also be sent as multipart/form-data; its fields are then not read and stay unknown to policy.'),
    websocket: z.boolean().default(false).describe('A WebSocket upgrade, and nothing else.'),
  })
  .superRefine((entry, context) => {
    const known = patternSyntax.test(entry.path) ? compilePattern(entry.path).parameters : undefined;
    for (const name of ['model', 'stream', 'tool', 'resource'] as const) {
      const from = entry[name];
      if (known === undefined || typeof from !== 'object' || !('path' in from)) continue;
      if ([from.path].flat().every((parameter) => known.includes(parameter))) continue;
      context.addIssue({ code: 'custom', path: [name, 'path'], message: 'names no parameter of the path pattern' });
    }
  });

const expectation = z.union([
  z.strictObject({ refused: z.string().refine((reason) => Object.hasOwn(reasons, reason), 'is not a reason') }),
  z.strictObject({
    upstream_path: z.string(),
    operation: z.string().nullable(),
    model: z.string().nullable().optional(),
    tool: z.string().nullable().optional(),
    resource: z.string().nullable().optional(),
    stream: z.boolean().nullable().optional(),
  }),
]);

const example = z.strictObject({
  title: z.string().describe('What the example shows.'),
  request: z.strictObject({
    method: z.string().default('GET'),
    path: z.string().describe('As the agent sends it, with the path the preset is mounted at.'),
    headers: z.record(z.string(), z.string()).default({}),
    body: z.unknown().optional().describe('Sent as JSON; a string is sent as it is.'),
    upgrade: z.boolean().default(false).describe('A WebSocket upgrade.'),
  }),
  expect: expectation.describe('Facts policy sees, null for unknown; or the reason of the refusal.'),
});

const shape = z.strictObject({
  preset: identifier.describe('Id of the preset.'),
  title: z.string().min(1).max(80).describe('Name of the API.'),
  description: z.string().min(1).max(600).describe('What it covers, and what to know before using it.'),
  path: mountPath.describe('Path it is mounted at unless the route says otherwise.'),
  upstream: httpUrl.optional().describe('Base URL of the API; required in the route when absent.'),
  dialect: dialect.describe('Shape of error bodies the client understands.'),
  provider: z.string().optional().describe('`gen_ai.provider.name`, for model APIs.'),
  client: z
    .strictObject({
      base_url_env: z.string().optional().describe('Environment variable that points the SDK at the gate.'),
      base_url: z
        .string()
        .describe('Base URL for the SDK; `{gate}` stands for the listener, `{path}` for where the route is mounted.'),
      credential_slot: z.string().describe('Where the agent puts its own identity token.'),
      note: z.string().optional(),
    })
    .describe('How an agent uses the route.'),
  placement: placement.describe('Where the API wants its credential.'),
  headers: z
    .strictObject({
      forward: z.array(headerRule).max(64).default([]).describe('Request headers that pass.'),
      set: fixedHeaders.default({}).describe('Request headers set on every call.'),
    })
    .prefault({}),
  response: z
    .strictObject({
      drop: z
        .array(z.string().regex(/^[a-z0-9-]+$/))
        .default([])
        .describe('Response headers that must not reach the agent.'),
    })
    .prefault({}),
  federation: z.string().min(1).max(400).describe('How short-lived credentials for this API can be had, honestly.'),
  grants: z
    .array(identifier)
    .default([])
    .describe('Grants of this gate that obtain a credential for it, best first; none where none is asked for.'),
  operations: z
    .array(operation)
    .max(200)
    .default([])
    .describe('What is asked of the API; the first that matches counts.'),
  unknown_operations: z
    .enum(['allow', 'deny'])
    .default('allow')
    .describe('Whether a request that is no listed operation goes on to policy, with its operation unknown.'),
  blocked_paths: z
    .array(pattern)
    .default([])
    .describe('Endpoints that hand out credentials: refused, so that none reaches an agent past the gate.'),
  encoded_slash_in: z
    .array(z.string())
    .default([])
    .describe(
      'Path parameters that may hold an encoded slash (`%2F`); everywhere else one is refused, and so is one that would make ' +
        'the path a blocked or another operation when read as a separator.',
    ),
  blocked_query: z
    .array(z.string())
    .default([])
    .describe('Query parameters that would change what was inspected: refused.'),
  websocket: z.boolean().default(false).describe('Whether WebSocket upgrades are allowed.'),
  mcp: z
    .boolean()
    .default(false)
    .describe('Speaks MCP over streamable HTTP: operation, tool and resource come from JSON-RPC.'),
  examples: z.array(example).min(1).describe('Requests and what becomes of them: tests and documentation at once.'),
});

export const presetSchema = shape.superRefine((preset, context) => {
  const known = new Set(preset.operations.flatMap(({ path }) => compilePattern(path).parameters));
  const sources = preset.operations.flatMap(({ model, tool, resource }) => [model, tool, resource]);
  const joined = new Set(
    sources.flatMap((from) => (from && 'path' in from && Array.isArray(from.path) ? from.path : [])),
  );
  for (const [index, name] of preset.encoded_slash_in.entries()) {
    const path = ['encoded_slash_in', index];
    if (!known.has(name)) context.addIssue({ code: 'custom', path, message: 'names no parameter of any path' });
    // "a/b" + "c" and "a" + "b/c" would be one fact.
    if (joined.has(name)) context.addIssue({ code: 'custom', path, message: 'is joined with others to one fact' });
  }
});

export type Preset = z.output<typeof presetSchema>;
export type PresetOperation = Preset['operations'][number];
export type PresetSource = z.output<typeof source>;

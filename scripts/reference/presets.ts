// docs/reference/presets.md: every preset in routes/, and what an agent has to set to use it.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { type Preset, type PresetOperation, type PresetSource, presetSchema } from '../../src/routing/preset-schema.ts';
import { code, fenced, page, table } from './markdown.ts';

const introduction = `# Presets reference

A preset describes one API: where it is, where its credential goes, which request headers pass and how operation, model and
tool are read from a request. It grants nothing; a route names it with \`preset:\` and says who may call. Anything a route
writes itself wins over its preset. Presets of your own go into a folder named under \`presets:\`.

The agent sets the base URL and puts its own identity token where its SDK wants a key; \`{gate}\` is the listener, such as
\`http://127.0.0.1:8080\`. A route mounted at another \`path:\` has that in its base URL. Federation names the grants that
obtain a short-lived credential for the API; where there are none, a static key stays with the gate and the agent never has it.`;

/** @throws when a file of the folder is not a preset. */
export function presetsPage(folder: string): string {
  const presets = readPresets(folder);
  const overview = table(
    ['API', 'Preset', 'Base URL', "The agent's own token goes", 'Federation'],
    presets.map((preset) => [
      preset.title,
      `[${preset.preset}](#${preset.preset})`,
      baseUrlOf(preset),
      slotOf(preset),
      federationOf(preset),
    ]),
  );
  return page(introduction, overview, ...presets.flatMap(presetSection));
}

function readPresets(folder: string): Preset[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => {
      const parsed = presetSchema.safeParse(parse(readFileSync(join(folder, name), 'utf8')));
      if (parsed.success) return parsed.data;
      throw new Error(`${name} is not a preset: ${parsed.error.message}`);
    });
}

function presetSection(preset: Preset): string[] {
  const { client, operations } = preset;
  const facts: (readonly [string, string | undefined])[] = [
    ['Upstream', preset.upstream === undefined ? 'given by the route' : code(preset.upstream)],
    ['Path', code(preset.path)],
    ['SDK base URL', baseUrlOf(preset)],
    ["The agent's own token goes", slotOf(preset)],
    ['Note', client.note],
    ['Credential upstream', placementOf(preset)],
    ['Request headers that pass', passing(preset.headers.forward)],
    ['Request headers set', listOf(Object.entries(preset.headers.set).map(([name, value]) => `${name}: ${value}`))],
    ['Response headers dropped', listOf(preset.response.drop)],
    ['Errors in the shape of', preset.dialect],
    ['Other operations', preset.unknown_operations === 'allow' ? 'go on to policy, as unknown' : 'refused'],
    ['Paths refused', listOf(preset.blocked_paths)],
    ['Query parameters refused', listOf(preset.blocked_query)],
    ['Encoded slashes pass in', listOf(preset.encoded_slash_in)],
    ['MCP', preset.mcp ? 'operation, tool and resource are read from the JSON-RPC message' : undefined],
    ['WebSocket', preset.websocket ? 'yes' : undefined],
    ['Short-lived credentials', preset.federation],
    ['Grants', listOf(preset.grants)],
  ];
  const known = facts.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]));
  return [
    `## ${preset.preset}`,
    `**${preset.title}.** ${preset.description}`,
    table(['', ''], known),
    ...(operations.length === 0 ? [] : [operationTable(operations)]),
    ...exampleBlocks(preset),
  ];
}

function operationTable(operations: readonly PresetOperation[]): string {
  return table(
    ['Operation', 'Request', 'Facts for policy'],
    operations.map((operation) => {
      const methods = [operation.method].flat().join(', ');
      const facts = (['model', 'tool', 'resource', 'stream'] as const).flatMap((name) => {
        const from = operation[name];
        return from === undefined ? [] : [`${name}: ${typeof from === 'boolean' ? from : sourceOf(from)}`];
      });
      return [code(operation.operation), code(`${methods} ${operation.path}`), facts.join('; ')];
    }),
  );
}

function sourceOf(source: PresetSource): string {
  if ('body' in source) return `body ${code(source.body)}`;
  if ('query' in source) return `query ${code(source.query)}`;
  return `path ${code([source.path].flat().join('/'))}`;
}

function baseUrlOf({ client, path }: Preset): string {
  const url = client.base_url.replaceAll('{path}', path);
  return code(client.base_url_env === undefined ? url : `${client.base_url_env}=${url}`);
}

/** Names as code; what is a sentence already has its own. */
function slotOf({ client }: Preset): string {
  return /^[\w-]+(?:: \w+)?$/.test(client.credential_slot) ? code(client.credential_slot) : client.credential_slot;
}

function federationOf({ grants }: Preset): string {
  const federated = grants.filter((grant) => grant !== 'static_secret');
  if (federated.length > 0) return federated.map(code).join(', ');
  return grants.length === 0 ? 'no credential needed' : 'static key only';
}

function exampleBlocks({ examples }: Preset): string[] {
  const lines = examples.map(({ title, request, expect }) => {
    const result =
      'refused' in expect
        ? `refused: ${expect.refused}`
        : `${expect.upstream_path} (${expect.operation ?? 'unknown operation'})`;
    return `# ${title}\n${request.method} ${request.path}\n  -> ${result}`;
  });
  return ['Examples, which are tests too:', fenced('text', lines.join('\n\n'))];
}

function placementOf({ placement }: Preset): string {
  if (typeof placement === 'string') return placement === 'bearer' ? code('Authorization: Bearer ...') : placement;
  if ('sigv4' in placement) return `signs the request (SigV4, service ${code(placement.sigv4.service)})`;
  return 'header' in placement
    ? code(`${placement.header}: ${placement.prefix ?? ''}...`)
    : code(`?${placement.query}=...`);
}

/** Ranges are held back by the response guard, whatever a preset lists: see src/forwarding/headers.ts. */
function passing(rules: readonly string[]): string | undefined {
  const pieces = rules.filter((rule) => rule === 'range' || rule === 'if-range');
  if (pieces.length === 0) return listOf(rules);
  return `${listOf(rules)}; ${pieces.map(code).join(' and ')} only without a credential, or with \`response_guard: off\``;
}

function listOf(items: readonly string[]): string | undefined {
  return items.length === 0 ? undefined : items.map(code).join(', ');
}

// docs/reference/configuration.md: every option, from the JSON Schema of the configuration.

import { configJsonSchema, type JsonSchema } from '../../src/config/json-schema.ts';
import { routeExchangeShape } from '../../src/exchange/schema.ts';
import { routeIdentityShape } from '../../src/identity/schema.ts';
import { routePolicyShape } from '../../src/policy/schema.ts';
import { routeRoutingShape } from '../../src/routing/schema.ts';
import { fenced, page } from './markdown.ts';
import { optionTables } from './options.ts';

const introduction = `# Configuration reference

One YAML file, named with \`--config\`. Unknown options, duplicate keys and references to nothing are errors; all problems
are reported at once, each with file, line and column, and nothing starts until none is left.

- **Values from elsewhere.** \`\${env:NAME}\` takes an environment variable, \`\${file:/path}\` the content of a file without
  its last line end; a relative path starts at the folder of the configuration file. Both work anywhere in a value, and what
  comes in is always one text. Keep secrets there: an option of type *secret* is never printed.
- **Durations** are a number and a unit: \`500ms\`, \`30s\`, \`10m\`, \`1h\`, \`2d\`. **Sizes** likewise: \`512B\`, \`64KiB\`, \`1MiB\`.
- **CEL** is the language of conditions; see [policy.md](policy.md).
- Options that begin with \`insecure_\` give up a protection. They are off unless written, and the gate warns at start.

Editors that speak the YAML language server complete and check the file when its first line names the schema, which
\`postern schema\` prints and the repository has as \`config/postern.schema.json\`:`;

const editorHint = fenced('yaml', '# yaml-language-server: $schema=./postern.schema.json\nversion: 1');

const routeParts: readonly { readonly title: string; readonly keys: readonly string[] }[] = [
  { title: 'What is called, and how', keys: Object.keys(routeRoutingShape) },
  { title: 'For whom', keys: Object.keys(routeIdentityShape) },
  { title: 'With which credential', keys: Object.keys(routeExchangeShape) },
  { title: 'Under which rules', keys: Object.keys(routePolicyShape) },
];

export function configurationPage(): string {
  const schema = configJsonSchema();
  const sections = Object.entries(schema.properties ?? {}).flatMap(([key, section]) =>
    typeof section === 'boolean' ? [] : sectionOf(key, section, schema.required?.includes(key) === true),
  );
  return page(introduction, editorHint, ...sections);
}

function sectionOf(key: string, section: JsonSchema, required: boolean): string[] {
  const about = `${section.description ?? ''}${required ? ' Required.' : ''}`;
  const entry = entryOf(section);
  if (entry.oneOf !== undefined) {
    const name = `${key}.*`;
    return [`## \`${name}\``, about, ...optionTables({ properties: { [name]: entry } }, '', '###').slice(1)];
  }
  if (entry.properties === undefined) {
    return [
      `## \`${key}\``,
      ...optionTables({ ...(required && { required: [key] }), properties: { [key]: section } }, '', '###'),
    ];
  }
  const name = entry === section ? key : `${key}[]`;
  const tables =
    key === 'routes'
      ? routeParts.flatMap(({ title, keys }) => [`### ${title}`, ...optionTables(only(entry, keys), name, '####')])
      : optionTables(entry, name, '###');
  return [`## \`${name}\``, about, ...tables];
}

/** What one entry of a list or map looks like; the section itself where it is neither. */
function entryOf(section: JsonSchema): JsonSchema {
  const { items, additionalProperties } = section;
  if (typeof items === 'object' && !Array.isArray(items)) return items;
  if (typeof additionalProperties === 'object') return additionalProperties;
  return section;
}

function only(schema: JsonSchema, keys: readonly string[]): JsonSchema {
  const properties = Object.fromEntries(Object.entries(schema.properties ?? {}).filter(([key]) => keys.includes(key)));
  return { ...schema, properties };
}

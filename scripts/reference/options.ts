// Options of the configuration as table rows, read out of its JSON Schema: nested maps become dotted names, lists `[]`,
// entries by name `.*`. Where an option has several forms (a grant, a client authentication), each form gets its own table.

import type { JsonSchema } from '../../src/config/json-schema.ts';
import { code, table } from './markdown.ts';

/**
 * Tables for an object schema: its own options, then each of the forms found below it.
 * @param owner name of the schema itself, put before the names of forms.
 */
export function optionTables(schema: JsonSchema, owner: string, heading: string): string[] {
  const forms: Form[] = [];
  const rows = rowsOf(schema, '', forms);
  const named = forms.map((form) => ({ ...form, name: owner === '' ? form.name : `${owner}.${form.name}` }));
  return [...optionTable(rows), ...formTables(named, heading)];
}

function optionTable(rows: readonly (readonly string[])[]): string[] {
  return rows.length === 0 ? [] : [table(['Option', 'Type', 'Default', 'Meaning'], rows)];
}

/** Several shapes for one option, told apart by the constant each has under the same key. */
interface Form {
  readonly name: string;
  readonly key: string;
  readonly shapes: readonly JsonSchema[];
}

/** A table for every shape of every form; forms within them follow, each once however many shapes share it. */
function formTables(forms: readonly Form[], heading: string): string[] {
  const nested = new Map<string, Form>();
  const tables = forms.flatMap(({ name, key, shapes }) =>
    shapes.flatMap((shape) => {
      const chosen = property(shape, key);
      const below: Form[] = [];
      const rows = rowsOf(omit(shape, key), '', below);
      for (const form of below) nested.set(JSON.stringify(form), { ...form, name: `${name}.${form.name}` });
      const title = `${heading} ${code(name)} with ${code(`${key}: ${String(chosen?.const)}`)}`;
      return [title, ...(chosen?.description === undefined ? [] : [chosen.description]), ...optionTable(rows)];
    }),
  );
  return nested.size === 0 ? tables : [...tables, ...formTables([...nested.values()], heading)];
}

function rowsOf(schema: JsonSchema, prefix: string, forms: Form[]): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([key, option]) => {
    if (typeof option === 'boolean') return [];
    const name = prefix === '' ? key : `${prefix}.${key}`;
    const needed = schema.required?.includes(key) === true;
    const row = [code(name), typeOf(option), needed ? 'required' : defaultOf(option), option.description ?? ''];
    return isGroup(option) ? rowsOf(option, name, forms) : [row, ...below(option, name, forms)];
  });
}

/** A map of fixed options is shown by its options alone. */
function isGroup(option: JsonSchema): boolean {
  return option.properties !== undefined && option.default !== undefined;
}

function below(option: JsonSchema, name: string, forms: Form[]): string[][] {
  const items = inner(option.items);
  if (items?.properties !== undefined) return rowsOf(items, `${name}[]`, forms);
  const values = inner(option.additionalProperties);
  if (values?.properties !== undefined) return rowsOf(values, `${name}.*`, forms);
  if (option.properties !== undefined) return rowsOf(option, name, forms);
  const shapes = option.oneOf;
  const key = shapes === undefined ? undefined : discriminator(shapes);
  if (shapes !== undefined && key !== undefined) forms.push({ name, key, shapes });
  const maps = (option.anyOf ?? []).filter((shape) => shape.properties !== undefined);
  return maps.flatMap((shape) => rowsOf({ ...shape, required: [] }, name, forms));
}

function typeOf(option: JsonSchema): string {
  if (option.const !== undefined) return code(String(option.const));
  if (option.enum !== undefined) return listed(option.enum.map((value) => code(String(value))));
  const alternatives = option.anyOf ?? [];
  if (alternatives.length > 0) return [...new Set(alternatives.map(typeOf))].join(', or ');
  if (option.oneOf !== undefined) return 'map, see below';
  if (option.title !== undefined) return option.title;
  const items = inner(option.items);
  if (option.type === 'array') return items === undefined ? 'list' : `list of ${plural(typeOf(items))}`;
  const values = inner(option.additionalProperties);
  if (values !== undefined && option.properties === undefined) return `map from ${keyOf(option)} to ${typeOf(values)}`;
  if (option.type === 'integer') return `whole number${range(option)}`;
  if (option.type === 'number') return `number${range(option)}`;
  if (option.type === 'boolean') return '`true` or `false`';
  return option.type === 'object' ? 'map' : 'text';
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function range({ minimum, maximum }: JsonSchema): string {
  if (minimum === undefined || maximum === undefined || Math.abs(maximum) > 1e9) return '';
  return `, ${minimum} to ${maximum}`;
}

function keyOf(option: JsonSchema): string {
  return inner(option.propertyNames)?.title ?? 'name';
}

function plural(type: string): string {
  if (type === 'map') return 'maps';
  return /^[a-z][a-z -]*$/i.test(type) && !type.endsWith('s') ? `${type}s` : type;
}

function defaultOf({ default: value, items }: JsonSchema): string {
  if (value === undefined) return '';
  const all = inner(items)?.enum;
  if (all !== undefined && JSON.stringify(all) === JSON.stringify(value)) return 'all of them';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text === '{}' || text === '[]' ? 'empty' : code(text.replaceAll(',"', ', "'));
}

function discriminator(shapes: readonly JsonSchema[]): string | undefined {
  const [first] = shapes;
  return Object.keys(first?.properties ?? {}).find((key) =>
    shapes.every((shape) => property(shape, key)?.const !== undefined),
  );
}

function property(shape: JsonSchema, key: string): JsonSchema | undefined {
  return inner(shape.properties?.[key]);
}

function omit(shape: JsonSchema, key: string): JsonSchema {
  const properties = Object.fromEntries(Object.entries(shape.properties ?? {}).filter(([name]) => name !== key));
  return { ...shape, properties };
}

function inner(schema: unknown): JsonSchema | undefined {
  return isSchema(schema) ? schema : undefined;
}

function isSchema(schema: unknown): schema is JsonSchema {
  return typeof schema === 'object' && schema !== null && !Array.isArray(schema);
}

// Loads presets: every YAML file of the given directories, validated, with every problem at file:line:column.
// Must never run anything a preset says, and never let one file silently take the place of another.

import { readdirSync } from 'node:fs';
import path from 'node:path';
import { isNode, LineCounter, type ParsedNode, parseDocument } from 'yaml';
import type { z } from 'zod';
import { errorCode } from '../base/error-code.ts';
import { packageFolder } from '../base/package-folder.ts';
import { readTextFileSync } from '../base/read-file.ts';
import { type Preset, presetSchema } from './preset-schema.ts';

/** The presets that come with the gate. */
export const builtInPresets = path.join(packageFolder, 'routes');

/** Largest preset file read, in bytes. Stops a mistaken path from filling the memory. */
const maxPresetBytes = 262_144;

/** A problem of a preset file; lines and columns count from 1. */
export interface PresetProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Path inside the file. */
  readonly path: readonly (string | number)[];
  readonly what: string;
  readonly mend?: string;
}

export interface LoadedPresets {
  /** By id. */
  readonly presets: ReadonlyMap<string, Preset>;
  readonly problems: readonly PresetProblem[];
}

/**
 * @param directories read in order, `*.yaml` files only.
 * @param wanted ids that are needed: of the presets that come with the gate, whose files have their names, only these are
 * read, since reading them all takes most of a start. All are when absent, or when one is nowhere: then the known ones are told.
 * @throws when a directory cannot be read.
 */
export function loadPresets(directories: readonly string[], wanted?: ReadonlySet<string>): LoadedPresets {
  const files = directories.flatMap(yamlFiles);
  const needed = files.filter((file) => wanted === undefined || !comesWithGate(file) || wanted.has(idOf(file)));
  const loaded = loadFiles(needed, files);
  const complete = needed.length === files.length || [...(wanted ?? [])].every((id) => loaded.presets.has(id));
  return complete ? loaded : loadFiles(files, files);
}

/** @param all files, read or not: none may take the place of another. */
function loadFiles(files: readonly string[], all: readonly string[]): LoadedPresets {
  const presets = new Map<string, Preset>();
  const problems: PresetProblem[] = [];
  const reserved = new Set(all.filter(comesWithGate).map(idOf));
  for (const file of files) {
    const preset = loadPreset(file, problems);
    if (preset === undefined) continue;
    if (presets.has(preset.preset) || (reserved.has(preset.preset) && !comesWithGate(file))) {
      const mend = 'give it an id of its own';
      problems.push({
        file,
        line: 1,
        column: 1,
        path: ['preset'],
        what: `"${preset.preset}" is already a preset`,
        mend,
      });
    } else presets.set(preset.preset, preset);
  }
  return { presets, problems };
}

function comesWithGate(file: string): boolean {
  return path.dirname(file) === builtInPresets;
}

function idOf(file: string): string {
  return path.basename(file, '.yaml');
}

function yamlFiles(directory: string): readonly string[] {
  const names = readdirSync(directory).filter((name) => name.endsWith('.yaml'));
  return names.sort().map((name) => path.join(directory, name));
}

function loadPreset(file: string, problems: PresetProblem[]): Preset | undefined {
  const text = readPreset(file, problems);
  return text === undefined ? undefined : parsePreset(file, text, problems);
}

function readPreset(file: string, problems: PresetProblem[]): string | undefined {
  try {
    return readTextFileSync(file, maxPresetBytes);
  } catch (failure) {
    const code = errorCode(failure);
    const what = code === 'EFBIG' ? `is larger than ${maxPresetBytes} bytes` : `cannot be read (${code})`;
    problems.push({ file, line: 1, column: 1, path: [], what });
    return undefined;
  }
}

/** @param file only to name it in problems. */
export function parsePreset(file: string, text: string, problems: PresetProblem[]): Preset | undefined {
  const lineCounter = new LineCounter();
  const document = parseDocument(text, { lineCounter, uniqueKeys: true, strict: true, stringKeys: true });
  const at = (offset: number, where: readonly (string | number)[], what: string): void => {
    const { line, col } = lineCounter.linePos(offset);
    problems.push({ file, line, column: col, path: where, what });
  };
  for (const error of document.errors) at(error.pos[0], [], error.message.split('\n', 1)[0] ?? 'is not YAML');
  if (document.errors.length > 0) return undefined;
  const data = withoutAliases(document);
  if (data === undefined) {
    at(0, [], 'uses YAML aliases, which a preset may not');
    return undefined;
  }
  const parsed = presetSchema.safeParse(data);
  if (parsed.success) return parsed.data;
  for (const issue of parsed.error.issues) {
    const where = issuePath(issue);
    at(offsetOf(document.contents, where, document), where, issue.message);
  }
  return undefined;
}

type Document = ReturnType<typeof parseDocument>;

/** The document's data; undefined when it has aliases: a few lines of them can unfold to gigabytes. */
function withoutAliases(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 }) ?? {};
  } catch {
    return undefined;
  }
}

function issuePath(issue: z.core.$ZodIssue): (string | number)[] {
  const where = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  return issue.code === 'unrecognized_keys' && issue.keys[0] !== undefined ? [...where, issue.keys[0]] : where;
}

/** Offset of the value at a path, or of the nearest one around it. */
function offsetOf(root: ParsedNode | null, where: readonly (string | number)[], document: Document): number {
  for (let length = where.length; length > 0; length -= 1) {
    const node = document.getIn(where.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return root?.range[0] ?? 0;
}

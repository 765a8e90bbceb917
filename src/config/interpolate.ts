// `${env:NAME}` and `${file:/path}` in values: secrets and addresses that do not belong in the configuration file.
// Replaced after parsing, so that what comes in is always one text and can never add keys or structure.
// Must never show a replaced value in a problem.

import { dirname, resolve } from 'node:path';
import { isMap, isScalar, isSeq, type Node, type Scalar } from 'yaml';
import { errorCode } from '../base/error-code.ts';
import type { Problem } from '../base/problem.ts';
import type { ReadFile } from '../base/read-file.ts';
import type { SourceDocument } from './document.ts';
import type { Position } from './problems.ts';

/** Largest file taken in: keys and tokens are small, and a mistaken path may name anything. */
const maxFileBytes = 65_536;

/**
 * `${...}` cannot stand in a YAML flow collection (`{` and `}` end a plain scalar there), so the braces are written as
 * private-use characters of the same length while the text is parsed; every position stays true.
 */
const open = '\ue000\ue001';
const close = '\ue002';
const written = /\$\{((?:env|file):[^{}[\],"'\n]*)\}/g;
const marked = /\ue000\ue001(env|file):([^\ue002]*)\ue002/g;
const unknown = /\$\{[^}\n]{0,64}\}?/;

/** Makes placeholders safe to parse. */
export function markPlaceholders(text: string): string {
  return text.replace(written, `${open}$1${close}`);
}

export interface InterpolationOptions {
  readonly document: SourceDocument;
  /** The configuration file: relative `${file:...}` paths start at its folder. */
  readonly file: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile: ReadFile;
}

/** A value whose placeholder could not be replaced, and where it stands. */
export interface Unresolved extends Problem {
  readonly position: Position;
}

/** Replaces every placeholder in the document, in place. */
export async function interpolate(options: InterpolationOptions): Promise<readonly Unresolved[]> {
  const problems: Unresolved[] = [];
  await Promise.all(
    texts(options.document.root, []).map(async ({ scalar, text, path, isKey }) => {
      const position = options.document.positionAt(scalar.range?.[0] ?? 0);
      const problem = (what: string, mend: string) => {
        problems.push({ path, what, mend, position });
      };
      if (isKey) {
        if (text.includes(open)) problem('has a placeholder in a key', 'placeholders are for values');
        return;
      }
      const strange = unknown.exec(text)?.[0];
      if (strange !== undefined) {
        problem(`has an unknown placeholder ${strange}`, 'write ${env:NAME} or ${file:/path}');
      }
      scalar.value = await replaced(text, options, problem);
    }),
  );
  return problems;
}

async function replaced(
  text: string,
  options: InterpolationOptions,
  problem: (what: string, mend: string) => void,
): Promise<string> {
  let result = '';
  let from = 0;
  for (const match of text.matchAll(marked)) {
    const [whole, kind, name = ''] = match;
    result += text.slice(from, match.index) + (kind === 'env' ? fromEnv(name) : await fromFile(name));
    from = match.index + whole.length;
  }
  return result + text.slice(from);

  function fromEnv(name: string): string {
    const value = options.env[name];
    if (value === undefined)
      problem(`needs the environment variable ${name}, which is not set`, 'set it, or write the value');
    return value ?? '';
  }

  async function fromFile(name: string): Promise<string> {
    const path = resolve(dirname(options.file), name);
    try {
      return (await options.readFile(path, maxFileBytes)).replace(/\r?\n$/, '');
    } catch (failure) {
      problem(`needs the file ${path}, which ${reasonOf(failure)}`, 'make it readable, or correct the path');
      return '';
    }
  }
}

interface Text {
  readonly scalar: Scalar;
  readonly text: string;
  readonly path: Problem['path'];
  readonly isKey: boolean;
}

/** Every text in the document; aliases stand for nodes that are found where they are written. */
function texts(node: Node | null, path: Problem['path'], isKey = false): Text[] {
  if (isMap<Node, Node | null>(node)) {
    return node.items.flatMap(({ key, value }) => {
      const below = [...path, isScalar(key) ? String(key.value) : ''];
      return [...texts(key, path, true), ...texts(value, below)];
    });
  }
  if (isSeq<Node>(node)) return node.items.flatMap((item, index) => texts(item, [...path, index]));
  return isScalar(node) && typeof node.value === 'string' ? [{ scalar: node, text: node.value, path, isKey }] : [];
}

function reasonOf(failure: unknown): string {
  const code = errorCode(failure);
  if (code === 'ENOENT') return 'does not exist';
  if (code === 'EACCES') return 'may not be read';
  if (code === 'EFBIG') return `is larger than ${maxFileBytes} bytes`;
  return 'cannot be read';
}

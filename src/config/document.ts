// The configuration text as a YAML document whose every node knows its place. Duplicate keys, unknown tags and merge keys
// are problems, not surprises. Must never expand aliases without bound ("billion laughs").

import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
} from 'yaml';
import { ConfigError, type Locate, type LocatedProblem, type Position } from './problems.ts';

/** How much repeated anchors may multiply the document; stops a few lines from becoming gigabytes. */
const maxAliasCount = 32;

export interface SourceDocument {
  readonly root: ParsedNode | null;
  readonly locate: Locate;
  /** Where the key of a path stands, rather than its value. */
  readonly locateKey: Locate;
  positionAt(offset: number): Position;
  /** @throws ConfigError when aliases multiply beyond measure. */
  toValue(): unknown;
}

/**
 * @param file name shown in problems.
 * @throws ConfigError with every syntax problem.
 */
export function readDocument(text: string, file: string): SourceDocument {
  const lineCounter = new LineCounter();
  const document = parse(text, file, lineCounter);
  const positionAt = (offset: number): Position => {
    const { line, col } = lineCounter.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  const syntax = [...document.errors, ...document.warnings].map(
    ({ pos, message, code }): LocatedProblem => ({
      ...positionAt(pos[0]),
      path: '',
      what: code === 'DUPLICATE_KEY' ? 'has a key that is already there' : `is not readable as YAML: ${message}`,
      mend: code === 'DUPLICATE_KEY' ? 'keep one of them' : undefined,
    }),
  );
  if (syntax.length > 0) throw new ConfigError(syntax);

  const find = (path: readonly (string | number)[]) => findNode(document, path);
  return {
    root: document.contents,
    locate: (path) => positionAt(find(path).value),
    locateKey: (path) => positionAt(find(path).key),
    positionAt,
    toValue() {
      try {
        return document.toJS({ maxAliasCount });
      } catch {
        throw new ConfigError([
          { ...positionAt(0), path: '', what: 'repeats anchors too often', mend: 'write the parts out' },
        ]);
      }
    },
  };
}

function parse(text: string, file: string, lineCounter: LineCounter): Document.Parsed {
  try {
    return parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: true, strict: true });
  } catch {
    const what = 'is not readable as YAML: nested too deeply';
    throw new ConfigError([{ file, line: 1, column: 1, path: '', what, mend: undefined }]);
  }
}

interface Offsets {
  readonly key: number;
  readonly value: number;
}

/** Follows the path as far as it goes. A collection is shown by its key: its own start may be a line further. */
function findNode(document: Document.Parsed, path: readonly (string | number)[]): Offsets {
  let node: Node | null = document.contents;
  let found: Offsets = { key: 0, value: startOf(node) ?? 0 };
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document) ?? null;
    if (isMap<Node, Node | null>(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
      if (pair === undefined) return found;
      const key = startOf(pair.key) ?? found.key;
      node = pair.value;
      found = { key, value: isScalar(node) && node.value !== null ? (startOf(node) ?? key) : key };
    } else if (isSeq<Node>(node) && typeof step === 'number') {
      const item = node.items[step];
      if (item === undefined) return found;
      node = item;
      const at = startOf(item) ?? found.value;
      found = { key: at, value: at };
    } else {
      return found;
    }
  }
  return found;
}

function startOf(node: Node | null | undefined): number | undefined {
  return node?.range?.[0];
}

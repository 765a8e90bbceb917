// From a configuration file to a checked configuration, or to every problem in it at once. Read, parsed, placeholders
// replaced, checked against the schema, then against itself. A configuration with one problem is not used at all.

import { digest } from '../base/digest.ts';
import { crossCheck } from './cross-check.ts';
import { readDocument, type SourceDocument } from './document.ts';
import { interpolate, markPlaceholders } from './interpolate.ts';
import { checkSchema, type SchemaProblem } from './issues.ts';
import { ConfigError, createReport, type Locate, type LocatedProblem, located } from './problems.ts';
import { type ReadFile, readTextFile } from './read-file.ts';
import { type Config, configSchema, configVersion } from './schema.ts';

export { ConfigError, createReport } from './problems.ts';

/** Largest configuration; a thousand routes fit. */
const maxConfigBytes = 1_048_576;

export interface LoadOptions {
  /** The configuration file. */
  readonly file: string;
  /** For `${env:NAME}`; normally `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile?: ReadFile;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Finds the place of a path, for problems that features find when they compile their part. */
  readonly locate: Locate;
  /** Digest of the file's text, without what placeholders were replaced by. */
  readonly digest: string;
}

/** @throws ConfigError with every problem, and nothing else. */
export async function loadConfig({ file, env, readFile = readTextFile }: LoadOptions): Promise<LoadedConfig> {
  const text = await readConfig(file, readFile);
  const document = readDocument(markPlaceholders(text), file);
  const unresolved = await interpolate({ document, file, env, readFile });
  const value = document.toValue();
  requireVersion(value, document);

  const checked = checkSchema(configSchema, value);
  if ('problems' in checked) throw new ConfigError(withUnresolved(unresolved, checked.problems, document));

  const { report, throwIfAny } = createReport(document.locate);
  if (unresolved.length > 0) throw new ConfigError(unresolved);
  crossCheck(checked.config, report);
  throwIfAny();
  return { config: checked.config, locate: document.locate, digest: digest([text]) };
}

async function readConfig(file: string, readFile: ReadFile): Promise<string> {
  try {
    return await readFile(file, maxConfigBytes);
  } catch (failure) {
    const code = failure instanceof Error && 'code' in failure ? String(failure.code) : 'unreadable';
    throw new ConfigError([wholeFile(file, `cannot be read (${code})`, 'name a readable file with --config')]);
  }
}

/** Another format would only make for misleading problems. */
function requireVersion(value: unknown, document: SourceDocument): void {
  const at = { ...document.locate(['version']), path: 'version' };
  const mend = `write version: ${configVersion}`;
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ConfigError([
      { ...at, path: '', what: 'is not a configuration', mend: `begin with version: ${configVersion}` },
    ]);
  }
  const version: unknown = 'version' in value ? value.version : undefined;
  if (version === configVersion) return;
  const what = version === undefined ? 'is required' : `is a format that this Postern does not read`;
  throw new ConfigError([{ ...at, what, mend }]);
}

/** A value whose placeholder could not be replaced is told once, not again for what is wrong with the gap it left. */
function withUnresolved(
  unresolved: readonly LocatedProblem[],
  problems: readonly SchemaProblem[],
  document: SourceDocument,
): readonly LocatedProblem[] {
  const gaps = new Set(unresolved.map(({ line, column }) => `${line}:${column}`));
  const found = problems.map((problem) =>
    located(problem, problem.isKey ? document.locateKey(problem.path) : document.locate(problem.path)),
  );
  return [...unresolved, ...found.filter(({ line, column }) => !gaps.has(`${line}:${column}`))];
}

function wholeFile(file: string, what: string, mend: string): LocatedProblem {
  return { file, line: 1, column: 1, path: '', what, mend };
}

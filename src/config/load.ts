// From a configuration file to a checked configuration, or to every problem in it at once. Read, parsed, placeholders
// replaced, checked against the schema, then against itself. A configuration with one problem is not used at all.

import { dirname, resolve } from 'node:path';
import { withPathsFrom } from '../base/config-path.ts';
import { digest } from '../base/digest.ts';
import { errorCode } from '../base/error-code.ts';
import { type ReadFile, readTextFile } from '../base/read-file.ts';
import { crossCheck } from './cross-check.ts';
import { readDocument, type SourceDocument } from './document.ts';
import { interpolate, markPlaceholders, type Unresolved } from './interpolate.ts';
import { checkSchema, type SchemaProblem } from './issues.ts';
import {
  ConfigError,
  createReport,
  type Locate,
  type LocatedProblem,
  located,
  type ReportOptions,
} from './problems.ts';
import { type Config, configSchema, configVersion } from './schema.ts';
import { soundPart } from './sound.ts';

export { ConfigError, createReport } from './problems.ts';

/** Largest configuration; a thousand routes fit. */
const maxConfigBytes = 1_048_576;

export interface LoadOptions {
  /** The configuration file: relative paths in it start at its folder. */
  readonly file: string;
  /** For `${env:NAME}`; normally `process.env`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readFile?: ReadFile;
  /**
   * Finds what else is wrong where something is: given a configuration that is not to be used, or what is sound of it.
   * Rejects with ConfigError.
   */
  readonly inspect?: (loaded: LoadedConfig) => Promise<void>;
}

export interface LoadedConfig extends ReportOptions {
  readonly config: Config;
  /** Finds the place of a path, for problems that features find when they compile their part. */
  readonly locate: Locate;
  /** Digest of the file's text, without what placeholders were replaced by. */
  readonly digest: string;
}

/** @throws ConfigError with every problem, and nothing else. */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const { file, env, readFile = readTextFile } = options;
  const text = await readConfig(file, readFile);
  const document = readDocument(markPlaceholders(text), file);
  const unresolved = await interpolate({ document, file, env, readFile });
  const value = document.toValue();
  requireVersion(value, document);

  const told = { locate: document.locate, digest: digest([text]) };
  const folder = dirname(resolve(file));
  const checked = withPathsFrom(folder, () => checkSchema(configSchema, value));
  if (unresolved.length === 0 && 'config' in checked) {
    const loaded = { config: checked.config, ...told };
    const found = crossProblems(loaded, env);
    if (found.length === 0) return loaded;
    throw new ConfigError([...found, ...(await inspected(options, loaded, found))]);
  }

  const problems = 'problems' in checked ? checked.problems : [];
  const paths = [...unresolved, ...problems].map(({ path }) => path);
  const sound = withPathsFrom(folder, () => soundPart(value, paths));
  const found = withUnresolved(unresolved, [...problems, ...(sound?.found ?? [])], document);
  if (sound === undefined) throw new ConfigError(found);
  const loaded = { ...sound, ...told };
  const more = [...found, ...crossProblems(loaded, env, sound.withoutExchanges)];
  throw new ConfigError([...more, ...(await inspected(options, loaded, more))]);
}

function crossProblems(
  loaded: LoadedConfig,
  env: LoadOptions['env'],
  broken?: ReadonlySet<string>,
): readonly LocatedProblem[] {
  const { report, problems } = createReport(loaded);
  crossCheck(loaded.config, { env, report, ...(broken && { broken }) });
  return problems;
}

/** What is told already, of the same option or of one within, is not told again in other words. */
async function inspected(
  { inspect }: LoadOptions,
  loaded: LoadedConfig,
  told: readonly LocatedProblem[],
): Promise<readonly LocatedProblem[]> {
  try {
    await inspect?.(loaded);
    return [];
  } catch (failure) {
    if (!(failure instanceof ConfigError)) return [];
    return failure.problems.filter(({ path }) => path === '' || !told.some((other) => other.path.startsWith(path)));
  }
}

async function readConfig(file: string, readFile: ReadFile): Promise<string> {
  try {
    return await readFile(file, maxConfigBytes);
  } catch (failure) {
    throw new ConfigError([
      wholeFile(file, `cannot be read (${errorCode(failure)})`, 'name a readable file with --config'),
    ]);
  }
}

/** Another format would only make for misleading problems. */
function requireVersion(value: unknown, document: SourceDocument): asserts value is object {
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
  unresolved: readonly Unresolved[],
  problems: readonly SchemaProblem[],
  document: SourceDocument,
): readonly LocatedProblem[] {
  const gaps = new Set(unresolved.map(({ position: { line, column } }) => `${line}:${column}`));
  const found = problems.map((problem) =>
    located(problem, problem.isKey ? document.locateKey(problem.path) : document.locate(problem.path)),
  );
  const missing = unresolved.map((problem) => located(problem, problem.position));
  return [...missing, ...found.filter(({ line, column }) => !gaps.has(`${line}:${column}`))];
}

function wholeFile(file: string, what: string, mend: string): LocatedProblem {
  return { file, line: 1, column: 1, path: '', what, mend };
}

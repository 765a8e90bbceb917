// Subject sources from the configuration, by name. Exchanges refer to them; one that none refers to is harmless.
// Must never let an exchange in the gate's own name fall back to a call's token.

import type { Report } from '../../base/problem.ts';
import type { GrantPorts } from '../grant.ts';
import type { SourceConfig } from '../schema.ts';
import type { SourcePorts, SubjectSource } from '../source.ts';
import * as sources from './index.ts';

type Create = (name: string, options: never, ports: SourcePorts) => SubjectSource;

const creators = new Map<string, Create>(Object.values(sources).map(({ source, create }) => [source, create]));

export function compileSources(
  configs: ReadonlyMap<string, SourceConfig>,
  ports: SourcePorts,
): ReadonlyMap<string, SubjectSource> {
  const compiled = new Map<string, SubjectSource>();
  for (const [name, config] of configs) {
    const create = creators.get(config.source);
    if (create === undefined) throw new TypeError(`there is no subject source ${config.source}`);
    const report: Report = (problem) => ports.report({ ...problem, path: ['subject_sources', name, ...problem.path] });
    // The schema of this very source made `config`; TypeScript does not follow that through a union.
    compiled.set(name, create(name, config as never, { ...ports, report }));
  }
  return compiled;
}

/** The source an exchange names; undefined where it names none, or after a problem was reported. */
export function sourceOf(name: string | undefined, { sources: known, report }: GrantPorts): SubjectSource | undefined {
  if (name === undefined) return undefined;
  const found = known.get(name);
  if (found !== undefined) return found;
  const names = [...known.keys()].join(', ');
  const mend = names === '' ? 'write one under `subject_sources`' : `known: ${names}`;
  report({ path: ['subject_source'], what: `names a subject source that is not there: ${name}`, mend });
  return unusable(name);
}

/** Never read: the configuration does not load. Stands in so that nothing falls back to the token of a call meanwhile. */
function unusable(name: string): SubjectSource {
  return { name, read: () => Promise.reject(new TypeError(`there is no subject source ${name}`)) };
}

// Reads single parameters out of a query without changing it. A parameter policy relies on must have one reading only:
// given twice, in other letter case, or behind a ";" (a separator to some servers) it is refused.
// Must never rewrite the query: what was received is what is sent.

import { Refusal } from '../base/errors.ts';
import { requireFact } from './json-fields.ts';
import { foldName } from './json-scan.ts';

interface Parameter {
  readonly name: string;
  readonly value: string;
}

/**
 * The value of a parameter, or undefined when it is absent.
 * @param query with its "?", or empty.
 * @throws Refusal body_field_ambiguous when it could be read in two ways.
 */
export function queryParameter(query: string, name: string): string | undefined {
  const meant = parameters(query).filter((each) => foldName(each.name) === foldName(name));
  const [only] = meant;
  if (only === undefined) return undefined;
  if (meant.length > 1 || only.name !== name || query.includes(';')) {
    throw new Refusal('body_field_ambiguous', { detail: `query parameter ${name} can be read in two ways` });
  }
  return requireFact(only.value, `query parameter ${name}`);
}

/** Whether the query holds one of these parameters, however spelt. @param foldedNames names as `foldName` gives them. */
export function queryHolds(query: string, foldedNames: ReadonlySet<string>): boolean {
  return parameters(query).some((each) => foldedNames.has(foldName(each.name)));
}

function parameters(query: string): readonly Parameter[] {
  if (query.length < 2) return [];
  return query
    .slice(1)
    .split(/[&;]/)
    .map((pair) => {
      const mark = pair.indexOf('=');
      return mark === -1
        ? { name: decode(pair), value: '' }
        : { name: decode(pair.slice(0, mark)), value: decode(pair.slice(mark + 1)) };
    });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch (cause) {
    throw new Refusal('target_malformed', { detail: 'query has a broken escape', cause });
  }
}

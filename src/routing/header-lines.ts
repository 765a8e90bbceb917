// Reads single request headers the way every later reader must read them: one line, one value.
// Must never pick one of several lines (the upstream may pick another).

import { Refusal } from '../base/errors.ts';
import type { RawHeaders } from '../call.ts';

/**
 * The value of a header, or undefined when it is absent.
 * @param name in lower case.
 * @param twice the refusal when the header is given more than once.
 */
export function singleHeader(headers: RawHeaders, name: string, twice = ambiguous): string | undefined {
  let found: string | undefined;
  for (let index = 0; index < headers.length; index += 2) {
    const line = headers[index] ?? '';
    if (line.length !== name.length || line.toLowerCase() !== name) continue;
    if (found !== undefined) throw twice(`${name} is given twice`);
    found = headers[index + 1] ?? '';
  }
  return found;
}

function ambiguous(detail: string): Refusal {
  return new Refusal('header_ambiguous', { detail });
}

// Holds a body that policy reads to what every parser reads alike: JSON by its media type, in UTF-8, not compressed.
// Must never let a body through that its headers ask the upstream to read as something else.

import { Refusal } from '../base/errors.ts';
import type { RawHeaders } from '../call.ts';
import { singleHeader } from './header-lines.ts';
import { wrongKind } from './json-fields.ts';

/** JSON by media type, in UTF-8: a body sent as a form or in another charset could be read as another document. */
const jsonType = /^application\/(?:[a-z0-9!#$&^_.-]+\+)?json[ \t]*(?:;[ \t]*charset="?utf-8"?[ \t]*)?$/i;

/** @throws Refusal body_malformed, or header_ambiguous when a header that says so is given twice. */
export function requirePlainJson(headers: RawHeaders): void {
  if (!jsonType.test(singleHeader(headers, 'content-type') ?? ''))
    throw wrongKind('content-type', 'application/json in UTF-8');
  const encoding = singleHeader(headers, 'content-encoding');
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    throw new Refusal('body_malformed', { detail: 'body is compressed and policy needs a field of it' });
  }
}

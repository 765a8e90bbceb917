// A JSON answer of an issuer as a value, where it says it is JSON and is. The size was bounded when it was read.
// Must never throw: the parser's message would quote the answer, and with it perhaps a token.

import type { SendResponse } from '../base/ports.ts';

/** undefined for anything that is not declared and well-formed JSON in UTF-8. */
export function parseJson(answer: SendResponse): unknown {
  if (!/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(answer.headers['content-type'] ?? '')) return undefined;
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(answer.body));
    return value;
  } catch {
    return undefined;
  }
}

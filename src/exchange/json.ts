// A JSON answer of an issuer as a value, where it says it is JSON and is. The size was bounded when it was read.
// Must never throw: the parser's message would quote the answer, and with it perhaps a token.

import type { SendResponse } from '../base/ports.ts';

/** undefined for anything that is not declared and well-formed JSON in UTF-8. */
export function parseJson(answer: SendResponse): unknown {
  if (!/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(answer.headers['content-type'] ?? '')) return undefined;
  return parseUndeclared(answer);
}

/** The same for services that give JSON as plain text (AWS's metadata service). */
export function parseUndeclared({ body }: Pick<SendResponse, 'body'>): unknown {
  try {
    const value: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    return value;
  } catch {
    return undefined;
  }
}

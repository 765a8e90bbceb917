// A request as Node's server makes it, but for `headers`: there Node puts every line once more, by name and merged, credentials
// among them, of every call and for the sake of the two it looks at (2 us).
// Must never show a header that something could be decided by: those are in `rawHeaders`, to be stripped first.

import type { IncomingHttpHeaders } from 'node:http';
import { IncomingMessage } from '../base/node-http.ts';
import type { RawHeaders } from '../call.ts';

/** Where a request keeps what was found of it. */
const found = Symbol('framing');

interface Found {
  [found]?: IncomingHttpHeaders | undefined;
}

/** Given to Node's server in place of its own class, as its option `IncomingMessage` allows. */
export class AgentRequest extends IncomingMessage {}

/** Node's own is an accessor as well (since 15.1), but typed as a property, which TypeScript lets no accessor override. */
Object.defineProperty(AgentRequest.prototype, 'headers', {
  get(this: AgentRequest & Found): IncomingHttpHeaders {
    this[found] ??= framingOf(this.rawHeaders);
    return this[found];
  },
  set(this: Found, none: IncomingHttpHeaders) {
    this[found] = none;
  },
});

/**
 * What Node's server asks for: a Host (RFC 9112 section 3.2), an expectation (RFC 9110 section 10.1.1); and what says whether there is
 * a body. Said again, they are joined or left as Node does it. Lengths first: no other name is read.
 */
function framingOf(lines: RawHeaders): IncomingHttpHeaders {
  const framing: IncomingHttpHeaders = {
    host: undefined,
    expect: undefined,
    'content-length': undefined,
    'transfer-encoding': undefined,
  };
  for (let i = 0; i + 1 < lines.length; i += 2) {
    const name = lines[i] ?? '';
    const value = lines[i + 1] ?? '';
    if (name.length === 4) {
      if (name.toLowerCase() === 'host') framing.host ??= value;
    } else if (name.length === 6) {
      if (name.toLowerCase() === 'expect') framing.expect = joined(framing.expect, value);
    } else if (name.length === 14) {
      if (name.toLowerCase() === 'content-length') framing['content-length'] ??= value;
    } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      framing['transfer-encoding'] = joined(framing['transfer-encoding'], value);
    }
  }
  return framing;
}

function joined(before: string | undefined, value: string): string {
  return before === undefined ? value : `${before}, ${value}`;
}

// Binds an MCP session of the upstream to who started it: the agent sees `<id>~<seal>`, and only the same caller, acting for the
// same subject on the same route, can use it. Stops one agent from joining another's session by learning its id.
// Bound to identities (iss, sub), never to a token's bytes: tokens are refreshed while sessions live (toolhive#5306).

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { digest } from '../base/digest.ts';
import { Refusal } from '../base/errors.ts';
import type { ArmedCall } from '../call.ts';

/** Longest session id of an upstream, in characters; with its seal it must fit into one header line of any client. */
const maxIdLength = 1_024;

/** MCP, transport "Session Management": visible ASCII only. */
const visible = /^[\x21-\x7e]+$/;

const separator = '~';

export interface SessionSeal {
  /** The id as the agent sees it. @throws Refusal `upstream_answer_malformed` for an id no header can carry. */
  seal(call: ArmedCall, id: string): string;
  /**
   * The upstream's own id named by the request, or undefined where the request names none.
   * @throws Refusal `mcp_session_unbound` for a session that is not this caller's, `header_ambiguous` for two of them.
   */
  open(call: ArmedCall): string | undefined;
}

/** @param key secret of the seals; by default one per process, so sessions end with it and clients initialize anew. */
export function createSessionSeal(key: Uint8Array = randomBytes(32)): SessionSeal {
  function sealOf(call: ArmedCall, id: string): Buffer {
    const { caller, subject, route } = call;
    const bound = digest([caller.iss, caller.sub, subject.iss, subject.sub, route.id, id]);
    return createHmac('sha256', key).update(bound).digest();
  }

  return {
    seal(call, id) {
      if (id.length > maxIdLength || !visible.test(id)) {
        throw new Refusal('upstream_answer_malformed', { detail: 'a session id that is no session id' });
      }
      return `${id}${separator}${sealOf(call, id).toString('base64url')}`;
    },
    open(call) {
      const sealed = sessionHeader(call);
      if (sealed === undefined) return undefined;
      const at = sealed.lastIndexOf(separator);
      if (at < 1 || at > maxIdLength) throw new Refusal('mcp_session_unbound');
      const id = sealed.slice(0, at);
      const presented = Buffer.from(sealed.slice(at + 1), 'base64url');
      const expected = sealOf(call, id);
      if (presented.length !== expected.length || !timingSafeEqual(presented, expected)) {
        throw new Refusal('mcp_session_unbound');
      }
      return id;
    },
  };
}

function sessionHeader({ headers }: ArmedCall): string | undefined {
  let found: string | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() !== 'mcp-session-id') continue;
    if (found !== undefined) throw new Refusal('header_ambiguous', { detail: 'mcp-session-id twice' });
    found = headers[i + 1];
  }
  return found;
}

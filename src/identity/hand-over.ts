// The arm stage of the inbound path: keeps the caller's token and arms the call with a handle in its place.
// The only file besides exchange/broker.ts that makes an ArmedCall. Must never put the token itself on a call to the agent.

import type { Clock } from '../base/ports.ts';
import type { ArmedCall, PermittedCall } from '../call.ts';
import type { CredentialFacts } from '../credential.ts';
import type { Handles, HeldToken } from './handle.ts';

/** Longest MCP session id looked at, in characters; with its seal a session of this gate fits. */
const maxSession = 2_048;

export interface HandOverOptions {
  readonly handles: Handles;
  /** How long a handle lives after the last call it was given with, in milliseconds. */
  readonly ttlMs: number;
  readonly clock: Clock;
}

export function createHandOver({
  handles,
  ttlMs,
  clock,
}: HandOverOptions): (call: PermittedCall) => Promise<ArmedCall> {
  return async function handOver(call): Promise<ArmedCall> {
    const held = handles.hold(call.subjectToken, { ttlMs, session: sessionOf(call) });
    return {
      ...call,
      credential: {
        secret: held.handle,
        placement: { kind: 'header', name: 'authorization', prefix: 'Bearer ' },
        facts: factsOf(held, clock.now()),
      },
      cache: 'bypass',
    };
  };
}

function factsOf({ handle, endsAt }: HeldToken, now: number): CredentialFacts {
  return {
    kind: 'handle',
    exchange: 'none',
    grant: 'handle',
    issuer: undefined,
    audience: undefined,
    scopesRequested: [],
    scopesGranted: undefined,
    expiresAt: Math.floor(endsAt / 1_000),
    lifetime: Math.max(0, Math.floor((endsAt - now) / 1_000)),
    fingerprint: handle.fingerprint,
    idHash: undefined,
    verification: { mode: 'not_applicable', findings: [] },
    issued: undefined,
    issuedIn: undefined,
  };
}

/** Named by the caller and not yet verified: `forward` refuses a session that is not this caller's. */
function sessionOf({ headers }: PermittedCall): string | undefined {
  let found: string | undefined;
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i]?.toLowerCase() !== 'mcp-session-id') continue;
    if (found !== undefined) return undefined;
    found = headers[i + 1];
  }
  return found !== undefined && found.length <= maxSession ? found : undefined;
}

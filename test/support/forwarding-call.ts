// An armed call without a connection behind it, for the parts of forwarding that only read facts.

import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { ArmedCall } from '../../src/call.ts';
import { armedCall, unobserved } from './forwarding-gate.ts';

/** A GET of `/things/a` with the given header lines and changes. */
export function callWith(headers: readonly string[] = [], changes: Partial<ArmedCall> = {}): ArmedCall {
  const request = new IncomingMessage(new Socket());
  request.method = 'GET';
  request.url = '/things/a';
  request.headers = { host: 'gate.local:8080' };
  const transport = { kind: 'http', request, response: new ServerResponse(request) } as const;
  const options = { origin: 'https://api.example' };
  return { ...armedCall(transport, { kind: 'none' }, options, unobserved), headers, rawHeaders: headers, ...changes };
}

// The parts of undici the gate uses, each from its own file: its index also loads fetch, WebSocket, cookies, caches and mocks,
// which cost a start 90 ms and every process 14 MB (measured on 8.12.4; docs/adr/0015-a-fast-start.md).
// undici is pinned exactly; a test holds that these are the very classes its index has.

import { createRequire } from 'node:module';
import type * as undici from 'undici';

const load = createRequire(import.meta.url);

export type { Dispatcher } from 'undici';

// `require` gives no types: those of the index are what these are (test/base/undici.test.ts).
export const Pool: typeof undici.Pool = load('undici/lib/dispatcher/pool.js');
export type Pool = undici.Pool;
export const Agent: typeof undici.Agent = load('undici/lib/dispatcher/agent.js');
export type Agent = undici.Agent;
/** `buildConnector` of undici. */
export const makeConnector: typeof undici.buildConnector = load('undici/lib/core/connect.js');

type SendRequest = (
  this: undici.Dispatcher,
  options: undici.Dispatcher.RequestOptions,
) => Promise<undici.Dispatcher.ResponseData>;
const send: SendRequest = load('undici/lib/api/api-request.js');

/** One request, its answer's body to be read by the caller. @param options `path` and `origin` of the target among them */
export function request(
  agent: undici.Dispatcher,
  options: undici.Dispatcher.RequestOptions,
): Promise<undici.Dispatcher.ResponseData> {
  return send.call(agent, options);
}

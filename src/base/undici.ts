// The parts of undici the gate uses, each from its own file: its index also loads fetch, WebSocket, cookies, caches and mocks,
// which cost a start 90 ms and every process 14 MB (measured on 8.12.4; docs/adr/0015-a-fast-start.md).
// undici is pinned exactly; a test holds that these are the very classes its index has.

import type { Dispatcher } from 'undici';
import makeConnector from 'undici/lib/core/connect.js';
import Pool from 'undici/lib/dispatcher/pool.js';

export type { Dispatcher };
/** `makeConnector`: `buildConnector` of undici. */
export { makeConnector, Pool };

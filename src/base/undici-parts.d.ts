// The files of undici that base/undici.ts takes, which have no types of their own: they are what its index has.
// Types only; test/base/undici.test.ts holds that it is so.

declare module 'undici/lib/dispatcher/pool.js' {
  import { Pool } from 'undici';
  export = Pool;
}
declare module 'undici/lib/core/connect.js' {
  import { buildConnector } from 'undici';
  export = buildConnector;
}

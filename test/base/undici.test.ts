// The parts of undici are taken from their own files: after an update they must still be the ones its index has.

import { test } from 'tap';
import * as undici from 'undici';
import { makeConnector, Pool } from '../../src/base/undici.ts';

test('the very classes and functions of the index', (t) => {
  t.equal(Pool, undici.Pool);
  t.equal(makeConnector, undici.buildConnector);
  t.end();
});

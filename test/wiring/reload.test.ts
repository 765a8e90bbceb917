// What a reload cannot change, and which unsafe options are on: both are told to the operator, by their path.

import { test } from 'tap';
import { changedBeyondReload, insecureOptions } from '../../src/wiring/reload.ts';
import { changed, load, validConfig } from '../support/config-world.ts';

test('sections that only a start reads are found when they differ, secrets by their fingerprint', async (t) => {
  const { config } = await load(validConfig);
  t.strictSame(changedBeyondReload(config, (await load(validConfig)).config), []);
  const routes = await load(changed('id: small-models', 'id: other-models'));
  t.strictSame(changedBeyondReload(config, routes.config), [], 'routes are not among them');
  const listen = await load(`${validConfig}listen: { keep_alive: 5s }\n`);
  t.strictSame(changedBeyondReload(config, listen.config), ['listen']);
  const withKey = (key: string) => load(`${validConfig}telemetry: { subject_key: ${key} }\n`);
  const [one, same, other] = await Promise.all([
    withKey('a'.repeat(16)),
    withKey('a'.repeat(16)),
    withKey('b'.repeat(16)),
  ]);
  t.strictSame(changedBeyondReload(one.config, same.config), []);
  t.strictSame(changedBeyondReload(one.config, other.config), ['telemetry']);
});

test('unsafe options that are on are named by their path, those that are off are not', (t) => {
  const value = {
    listen: { insecure_plain_http: true, insecure_admin_anywhere: false },
    trust: [{ insecure_http: false }, { insecure_http: true }],
    insecure_but_text: 'true',
  };
  t.strictSame(insecureOptions(value), ['listen.insecure_plain_http', 'trust.1.insecure_http']);
  t.strictSame(insecureOptions(undefined), []);
  t.end();
});

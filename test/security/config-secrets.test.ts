// Attack: reading secrets out of what a gate says about its own configuration. A mistyped line near a secret, or a secret
// where something else is expected, must not end up in the error that people paste into tickets.

import { inspect } from 'node:util';
import { test } from 'tap';
import { ConfigError } from '../../src/config/load.ts';
import { changed, load, validConfig } from '../support/config-world.ts';
import { rejection } from '../support/rejection.ts';

test('no problem shows a value that came out of a placeholder', async (t) => {
  const value = '${env:CLIENT_SECRET}';
  const misplaced = [
    changed('issuer: https://idp.example.com\n    audiences', `issuer: ${value}\n    audiences`),
    changed('principal: workload', `principal: ${value}`),
    changed('grant: token_exchange', `grant: ${value}`),
    changed('auth: client_secret_basic', `auth: ${value}`),
    changed('preset: openai', `preset: ${value}!`),
    changed('[model.invoke]', `["${value} x"]`),
    changed('version: 1', `version: ${value}`),
    changed('id: small-models', `id: ${value}!`),
  ];
  for (const text of misplaced) {
    const failure = await rejection(load(text));
    t.type(failure, ConfigError);
    t.notMatch(inspect(failure, { depth: 9 }), /hush/, text);
  }
});

test('a loaded configuration can be printed without its secrets', async (t) => {
  const { config } = await load(validConfig);
  t.notMatch(inspect(config, { depth: 9 }), /hush/);
  t.notMatch(JSON.stringify(config), /hush/);
});

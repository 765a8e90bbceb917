// One rule for every path in the configuration: a relative one starts at the folder of the configuration file, wherever the gate
// was started.

import { test } from 'tap';
import { configJsonSchema } from '../../src/config/json-schema.ts';
import { changed, load, problemsIn } from '../support/config-world.ts';

const written = changed(
  'routes:\n',
  `  keys:
    grant: static_secret
    file: secrets/key
  federated:
    grant: token_exchange
    issuer: https://idp.example.com
    client: { id: postern, auth: federated_assertion, assertion_file: ../tokens/sts }
subject_sources:
  platform: { source: file, file: ./tokens/platform }
identity: { mode: sidecar, token_file: tokens/own }
audit: { sink: file, file: /var/log/audit.jsonl }
network: { ca_file: ca.pem }
presets: [presets, /opt/presets]
sts: { embedded: { key_file: issuer.jwk } }
routes:
`,
);

test('relative paths start at the folder of the file, absolute ones stay', async (t) => {
  const { config } = await load(written);
  t.match(config, {
    exchanges: {
      keys: { file: '/etc/postern/secrets/key' },
      federated: { client: { assertion_file: '/etc/tokens/sts' } },
    },
    subject_sources: { platform: { file: '/etc/postern/tokens/platform' } },
    identity: { token_file: '/etc/postern/tokens/own' },
    audit: { file: '/var/log/audit.jsonl' },
    network: { ca_file: '/etc/postern/ca.pem' },
    presets: ['/etc/postern/presets', '/opt/presets'],
    sts: { embedded: { key_file: '/etc/postern/issuer.jwk' } },
  });
});

test('a path out of the environment follows the same rule', async (t) => {
  const { config } = await load(written.replace('tokens/own', '"${env:CLIENT_SECRET}"'));
  t.equal(config.identity.token_file, '/etc/postern/hush-hush');
});

test('what can be no path', async (t) => {
  t.match(await problemsIn(written.replace('ca.pem', '""')), [/network\.ca_file {2}is empty/]);
  t.match(await problemsIn(written.replace('ca.pem', '"a\\0b"')), [/network\.ca_file {2}has a character/]);
});

test('every option that names a file or a folder follows the rule', (t) => {
  const found: string[] = [];
  const look = (schema: unknown, at: string): void => {
    if (typeof schema !== 'object' || schema === null) return;
    const named = /(?:^|_)(?:file|directory|folder)$|^presets\[\]$/.test(at.split('.').at(-1) ?? '');
    if (named && 'type' in schema && schema.type !== 'object') {
      found.push(at);
      t.equal('title' in schema ? schema.title : undefined, 'path', `${at} is a configPath`);
    }
    for (const [key, value] of Object.entries(schema)) {
      if (key === 'properties') for (const [name, inner] of Object.entries(value)) look(inner, `${at}.${name}`);
      else if (key === 'items') look(value, `${at}[]`);
      else look(value, at);
    }
  };
  look(configJsonSchema(), '');
  t.ok(found.length >= 9, `${found.length} options were looked at`);
  t.end();
});

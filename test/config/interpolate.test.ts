// Placeholders in values: where they may stand, what becomes of them, and what is said when they cannot be replaced.

import { test } from 'tap';
import { changed, load, problemsIn, validConfig } from '../support/config-world.ts';

function secretOf({ config }: Awaited<ReturnType<typeof load>>): string | undefined {
  const { corp } = config.exchanges;
  if (corp?.grant !== 'token_exchange' || corp.client.auth !== 'client_secret_basic') return undefined;
  return corp.client.secret.reveal();
}

const placeholder = '${env:CLIENT_SECRET}';

test('the environment and files, in flow and in block style, whole and in part', async (t) => {
  t.equal(secretOf(await load(validConfig)), 'hush-hush');
  const files = { '/run/secrets/client': 'from a file\n', '/etc/postern/keys/client': 'beside\r\n', '/two': 'a\n\n' };
  t.equal(secretOf(await load(changed(placeholder, '${file:/run/secrets/client}'), files)), 'from a file');
  t.equal(secretOf(await load(changed(placeholder, '${file:keys/client}'), files)), 'beside', 'relative to the config');
  t.equal(secretOf(await load(changed(placeholder, '${file:/two}'), files)), 'a\n', 'one line end is taken off');
  t.equal(secretOf(await load(changed(placeholder, '"x-${env:CLIENT_SECRET}-y"'))), 'x-hush-hush-y');
  const block = changed(
    `{ id: postern, auth: client_secret_basic, secret: ${placeholder} }`,
    ['', '      id: postern', '      auth: client_secret_basic', `      secret: ${placeholder}`].join('\n'),
  );
  t.equal(secretOf(await load(block)), 'hush-hush');
});

test('what comes in is one text: it adds no structure and is not looked at again', async (t) => {
  const yaml = 'x }\nroutes: []\n# ${env:CLIENT_SECRET}';
  t.equal(secretOf(await load(changed(placeholder, '${file:/odd}'), { '/odd': yaml })), yaml);
});

test('placeholders that cannot be replaced, each told once and where', async (t) => {
  const story = async (text: string, files = {}) => (await problemsIn(changed(placeholder, text), files))[0];
  t.equal(
    await story('${env:CLIENT_SECRT}'),
    '11:63  exchanges.corp.client.secret  needs the environment variable CLIENT_SECRT, which is not set; set it, or write the value',
  );
  t.equal(
    await story('${file:missing.pem}'),
    '11:63  exchanges.corp.client.secret  needs the file /etc/postern/missing.pem, which does not exist; make it readable, or correct the path',
  );
  t.equal(
    await story('${file:/huge}', { '/huge': 'x'.repeat(65_537) }),
    '11:63  exchanges.corp.client.secret  needs the file /huge, which is larger than 65536 bytes; make it readable, or correct the path',
  );
  t.equal(
    await story('"${CLIENT_SECRET}"'),
    '11:63  exchanges.corp.client.secret  has an unknown placeholder ${CLIENT_SECRET}; write ${env:NAME} or ${file:/path}',
  );
  const both = changed(placeholder, '${env:NOPE}').replace('principal: workload', 'principal: robot');
  t.strictSame(
    (await problemsIn(both)).map((line) => line.split('  ')[1]),
    ['trust[0].principal', 'exchanges.corp.client.secret'],
  );
  t.match(await problemsIn(changed('  corp:\n    grant', '  "${env:CLIENT_SECRET}":\n    grant')), [
    /8:3 {2}exchanges {2}has a placeholder in a key; placeholders are for values/,
  ]);
});

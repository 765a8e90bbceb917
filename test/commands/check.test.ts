// postern check: says whether a configuration can be used, and of one that cannot every problem, where it is and its mend.

import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'tap';
import { assertPlain, quickstart, run } from '../support/e2e-command.ts';
import { answering, startFrontedIssuer } from '../support/e2e-issuer.ts';

test('a good one: what it has, and which unsafe options are on', async (t) => {
  const { file } = await quickstart(t);
  const ended = await run(t, ['check', '--config', file]);
  t.match(ended, { code: 0, stderr: '' });
  t.match(ended.stdout, /1 route, policy \S+/);
  t.match(ended.stdout, /unsafe: sts\.embedded\.insecure_mint/);
});

test('a bad one: every problem at its place, with its mend', async (t) => {
  const { file } = await quickstart(t);
  const text = readFileSync(file, 'utf8')
    .replace('audience: whoami\n', 'audiance: whoami\n')
    .replace('caller.kind ==', 'caler.kind ==')
    .replace('exchange: local', 'exchange: lokal')
    .replace('drain_timeout: 5s', 'drain_timeout: 5 seconds');
  writeFileSync(file, text);
  const ended = await run(t, ['check', '--config', file]);
  t.equal(ended.code, 1);
  t.equal(ended.stdout, '');
  const lineOf = (part: string) => text.split('\n').findIndex((line) => line.includes(part)) + 1;
  t.match(ended.stderr, new RegExp(`postern\\.yaml:${lineOf('audiance')}:\\d+ .*audiance.*did you mean audience\\?`));
  t.match(ended.stderr, new RegExp(`postern\\.yaml:${lineOf('lokal')}:\\d+ .*lokal.*did you mean local\\?`));
  t.match(ended.stderr, new RegExp(`postern\\.yaml:${lineOf('caler')}:\\d+ .*caler.*caller`));
  t.match(ended.stderr, new RegExp(`postern\\.yaml:${lineOf('5 seconds')}:\\d+ .*is not a duration`));
  assertPlain(t, ended);
});

test('what only compiling finds, too', async (t) => {
  const { file } = await quickstart(t);
  const text = readFileSync(file, 'utf8').replace('caller.kind ==', 'caler.kind ==');
  writeFileSync(file, text);
  const ended = await run(t, ['check', '--config', file]);
  t.equal(ended.code, 1);
  t.match(ended.stderr, /postern\.yaml:\d+:\d+ .*caler.*caller/);
  assertPlain(t, ended);
});

test('broken YAML, an unknown variable and a file that cannot be read', async (t) => {
  const { file } = await quickstart(t);
  const good = readFileSync(file, 'utf8');
  const broken: [string, RegExp][] = [
    ['version: 1\nroutes: [\n', /postern\.yaml:\d+:\d+/],
    [good.replace('quickstart-only', '"${env:NOT_SET_ANYWHERE}"'), /NOT_SET_ANYWHERE/],
    [good.replace('secret: quickstart-only', 'secret: "${file:nowhere}"'), /nowhere/],
  ];
  for (const [text, says] of broken) {
    writeFileSync(file, text);
    const ended = await run(t, ['check', '--config', file]);
    t.equal(ended.code, 1);
    t.match(ended.stderr, says);
    assertPlain(t, ended);
  }
});

test('--online reaches every issuer, the embedded one too', async (t) => {
  const { file, issuer } = await quickstart(t);
  const ended = await run(t, ['check', '--online', '--config', file]);
  t.match(ended, { code: 0, stderr: '' });
  t.match(ended.stdout, new RegExp(`ok +trust local +${issuer} +keys loaded`));
  t.match(ended.stdout, /ok +exchange local .*metadata read/);
});

test('--online says of a configured token endpoint that it connects, and no more', async (t) => {
  const { file, issuer } = await quickstart(t);
  const front = await startFrontedIssuer(t);
  const text = readFileSync(file, 'utf8').replace(
    'grant: token_exchange',
    `grant: token_exchange\n    token_endpoint: ${front.tokenEndpoint}`,
  );
  writeFileSync(file, text);
  const ended = await run(t, ['check', '--online', '--config', file]);
  t.match(ended, { code: 0, stderr: '' });
  t.match(ended.stdout, new RegExp(`ok +exchange local +${front.tokenEndpoint} +connects \\(TCP\\), was not asked`));
  t.equal(front.asked.length, 0);

  writeFileSync(file, text.replace(front.tokenEndpoint, 'https://127.0.0.1:1/token'));
  const failed = await run(t, ['check', '--online', '--config', file]);
  t.equal(failed.code, 1);
  t.match(failed.stdout, /FAIL +exchange local +https:\/\/127.0.0.1:1\/token +does not connect \(ECONNREFUSED\)/);
  t.match(failed.stdout, new RegExp(`ok +trust local +${issuer} +keys loaded`));
});

test('--online tells which issuer does not answer', async (t) => {
  const issuer = await startFrontedIssuer(t);
  issuer.answerWith(answering(200, {}));
  issuer.setDown(true);
  const { file } = await quickstart(t);
  const text = readFileSync(file, 'utf8');
  writeFileSync(
    file,
    text
      .slice(0, text.indexOf('sts:'))
      .replace('    audiences: [', `    jwks_uri: ${issuer.jwksUri}\n    audiences: [`),
  );
  const ended = await run(t, ['check', '--online', '--config', file]);
  t.equal(ended.code, 1);
  t.match(ended.stdout, /FAIL +trust local/);
  t.match(ended.stdout, /FAIL +exchange local/);
  assertPlain(t, ended);
});

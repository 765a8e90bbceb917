// The operator's log: what is said, and what must not be.

import { test } from 'tap';
import { Refusal } from '../../src/base/errors.ts';
import { Secret } from '../../src/base/secret.ts';
import { createLog, type LogLevel } from '../../src/telemetry/log.ts';

function logTo(level: LogLevel = 'debug') {
  const lines: string[] = [];
  const log = createLog({ level, destination: { write: (line) => void lines.push(line) } });
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? '{}') };
}

const jwt = 'eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJjYW5hcnkifQ.c2lnbmF0dXJl';

test('one JSON line: time, level, facts, message', (t) => {
  const { log, lines, last } = logTo();
  log.info({ route: 'openai' }, 'configuration reloaded');
  t.equal(lines.length, 1);
  t.match(last(), { level: 'info', time: /^\d{4}-\d\d-\d\dT.*Z$/, route: 'openai', msg: 'configuration reloaded' });
  t.notOk('pid' in last() || 'hostname' in last());
  t.end();
});

test('the level decides', (t) => {
  const { log, lines } = logTo('warn');
  log.debug({}, 'a');
  log.info({}, 'b');
  log.warn({}, 'c');
  log.error({}, 'd');
  t.equal(lines.length, 2);
  t.end();
});

test('a secret prints as its fingerprint, wherever it stands', (t) => {
  const { log, lines } = logTo();
  const secret = new Secret('canary-in-log');
  log.error({ secret, deep: { list: [secret], token: secret } }, 'x');
  log.error({ err: new Refusal('token_expired', { detail: `${secret}`, cause: secret }) }, 'x');
  t.notMatch(lines.join(''), 'canary-in-log');
  t.match(lines[0], secret.fingerprint);
  t.end();
});

test('an error prints its name, code, message, stack and causes, and not what a library hung on it', (t) => {
  const { log, lines, last } = logTo();
  const cause = Object.assign(new Error(`no: Bearer ${jwt}`), { body: { access_token: 'canary-body' } });
  const error = Object.assign(new TypeError(`failed with ${jwt} in hand`, { cause }), {
    code: 'ECONNRESET',
    response: { headers: { authorization: 'Bearer canary-header' } },
  });
  log.error({ err: error, again: error }, 'x');
  t.match(last(), { err: { type: 'TypeError', code: 'ECONNRESET', message: 'failed with [masked] in hand' } });
  t.match(last(), { err: { cause: { type: 'Error', message: /^no: \[masked\]/ } } });
  t.notMatch(lines.join(''), /canary|eyJhbGci/);
  t.end();
});

test('causes that go round in a circle end', (t) => {
  const { log, last } = logTo();
  const error = new Error('a');
  error.cause = error;
  log.error({ err: error }, 'x');
  t.match(last(), { err: { message: 'a', cause: { message: 'a' } } });
  t.end();
});

// A configuration file, good or bad: what is made of it, and what people are told of what is wrong with it.

import { test } from 'tap';
import { changed, load, problemsIn, validConfig } from '../support/config-world.ts';

test('a small configuration is complete: defaults fill what it leaves out', async (t) => {
  const { config, digest } = await load(validConfig);
  t.match(config, {
    listen: { outbound: { host: '127.0.0.1', port: 8080 }, admin: { host: '127.0.0.1', port: 9090 } },
    identity: { mode: 'shared' },
    routes: [{ on_behalf_of: 'optional', limits: { chain_depth: 4, token_ttl: 600_000 }, verify: 'strict' }],
    sts: { embedded: undefined },
  });
  const { digest: other } = await load(`${validConfig}# a comment\n`);
  t.not(digest, other, 'the digest follows the text');
});

test('every problem is told at once, in the order of the file, each with its place and its mend', async (t) => {
  const text = `version: 1
listn: {}
listen: { outbound: 0.0.0.0:8080, admin: nowhere }
trust:
  - name: Corp
    issuer: idp.example.com
    audiences: postern
    principal: anyone
    clock_skew: 30
exchanges:
  corp:
    grant: token_exchang
  other:
    grant: static_secret
    valu: x
routes:
  - preset: openai
    exchnge: corp
    on_behalf_of: require
    placement: bearr
    limits: { chain_depth: 40 }
  - preset: qdrant
    exchange: corp
    placement: { heder: api-key }
    allow: []
`;
  const rules =
    'allow  is required: a route without rules denies every call; write allow: [{ id: anyone, when: "true" }] to let every authenticated caller through';
  t.strictSame(await problemsIn(text), [
    '2:1  listn  is not an option; did you mean listen?',
    '3:42  listen.admin  is not an address; write host:port, such as 127.0.0.1:8080, or unix:/run/postern.sock',
    '5:11  trust[0].name  is not a name; use lower-case letters, digits, "-" and "_", starting with a letter',
    '6:13  trust[0].issuer  is not an absolute http(s) URL without credentials, query or fragment, such as https://api.example.com/v1',
    '7:16  trust[0].audiences  is a text; write a list',
    '8:16  trust[0].principal  is not known here; write one of user, workload, any',
    '9:17  trust[0].clock_skew  is not a text; put it in quotes, or give it its unit (30s, 64KiB)',
    '12:12  exchanges.corp.grant  is not known here; did you mean token_exchange? known: anthropic, aws_web_identity, chain, client_credentials, databricks, entra_on_behalf_of, entra_workload, google, huggingface, jwt_bearer, openai, openrouter, static_secret, token_exchange',
    '13:3  exchanges.other  must have exactly one of `value`, `file` and `directory`',
    '15:5  exchanges.other.valu  is not an option; did you mean value?',
    '17:5  routes[0].exchange  is required; name of the exchange that gives this route its credential, or `none` to forward without one.',
    `17:5  routes[0].${rules}`,
    '18:5  routes[0].exchnge  is not an option; did you mean exchange?',
    '19:19  routes[0].on_behalf_of  is not known here; did you mean required? known: required, required_any, optional, never',
    '20:16  routes[0].placement  has none of the accepted forms; write bearer, none, a map',
    '21:28  routes[0].limits.chain_depth  is more than 16',
    '24:5  routes[1].placement.header  is required; header that carries the credential.',
    '24:18  routes[1].placement.heder  is not an option; did you mean header?',
    `25:5  routes[1].${rules}`,
  ]);
});

test('names that refer to nothing, or to two things', async (t) => {
  t.strictSame(await problemsIn(changed('exchange: corp', 'exchange: crop')), [
    '14:15  routes[0].exchange  names an exchange that is not there: crop; did you mean corp? known: corp, none',
  ]);
  const twice = `${validConfig}  - preset: openai\n    exchange: corp\n    allow: [{ id: anyone }]\n`;
  t.strictSame(await problemsIn(twice), ['19:13  routes[1].preset  is used before: openai; give each its own name']);
  const named = twice.replace(
    /- preset: openai\n(?= +exchange: corp\n +allow: \[)/,
    '- preset: openai\n    name: openai-two\n',
  );
  t.equal((await load(named)).config.routes.length, 2);
});

test('options that say something to nobody', async (t) => {
  t.strictSame(await problemsIn(changed('exchange: corp', 'exchange: none')), [
    '15:5  routes[0].scopes  has no effect with no exchange; remove it, or use an exchange that asks an issuer',
  ]);
  t.strictSame(await problemsIn(changed('allow:', 'limits: { chain_depth: 9 }\n    allow:')), [
    '16:28  routes[0].limits.chain_depth  has no effect above identity.max_chain_depth, which is 6; lower it, or raise the other',
  ]);
  const none = changed('  corp:\n    grant', '  none:\n    grant').replace('exchange: corp', 'exchange: none');
  t.strictSame(await problemsIn(none), [
    '8:3  exchanges.none  has the name that stands for no exchange; choose another',
  ]);
});

test('leaving this machine takes an option that says so', async (t) => {
  const open = changed('trust:', 'listen: { outbound: 0.0.0.0:8080, admin: "[::]:9090" }\ntrust:');
  t.strictSame(await problemsIn(open), [
    '2:21  listen.outbound  is not loopback; use 127.0.0.1 or a unix socket, or say insecure_plain_http: true',
    '2:42  listen.admin  is not loopback; use 127.0.0.1 or a unix socket, or say insecure_admin_anywhere: true',
  ]);
  const said = open.replace('9090"', '9090", insecure_plain_http: true, insecure_admin_anywhere: true');
  t.match((await load(said)).config.listen.outbound, { host: '0.0.0.0' });
  t.match((await load(changed('trust:', 'listen: { outbound: unix:/run/p.sock }\ntrust:'))).config.listen.outbound, {
    kind: 'unix',
    path: '/run/p.sock',
  });
  const long = `/run/${'x'.repeat(103)}`;
  t.strictSame(await problemsIn(changed('trust:', `listen: { outbound: "unix:${long}" }\ntrust:`)), [
    '2:21  listen.outbound  is a longer path than a socket may have, 107 bytes; write a shorter one, such as unix:/run/postern.sock',
  ]);
  const longest = changed('trust:', `listen: { outbound: "unix:${long.slice(0, -1)}" }\ntrust:`);
  t.match((await load(longest)).config.listen.outbound, { path: long.slice(0, -1) });
});

test('a time that no timer can wait is refused, not cut to nothing', async (t) => {
  const problems = await problemsIn(`${validConfig}listen: { drain_timeout: 25d }\n`);
  t.match(problems, [/drain_timeout +is longer than a timer can wait; write 24d or less/]);
  t.equal((await load(`${validConfig}listen: { drain_timeout: 24d }\n`)).config.listen.drain_timeout, 24 * 86_400_000);
  const others = changed('    exchange: corp\n', '    exchange: corp\n    timeouts: { idle: 30d, connect: 600h }\n');
  t.match(await problemsIn(`${others}telemetry: { metrics: { interval: 25d } }\n`), [
    /timeouts.idle +is longer than a timer/,
    /timeouts.connect +is longer than a timer/,
    /metrics.interval +is longer than a timer/,
  ]);
  t.match(await problemsIn(`${validConfig}telemetry: { metrics: { interval: 0s } }\n`), [
    /metrics.interval +is less than 1s/,
  ]);
});

test('another format version is refused before anything else is said', async (t) => {
  const other = changed('version: 1', 'version: 2').replace('trust:', 'trusted:');
  t.strictSame(await problemsIn(other), [
    '1:10  version  is a format that this Postern does not read; write version: 1',
  ]);
  t.strictSame(await problemsIn(changed('version: 1\n', '')), ['1:1  version  is required; write version: 1']);
  t.strictSame(await problemsIn(''), ['1:1  is not a configuration; begin with version: 1']);
});

test('what is not YAML, or not plainly YAML', async (t) => {
  t.match(await problemsIn(changed('audiences: [postern]', 'audiences: [postern')), [
    /^\d+:\d+ {2}is not readable as YAML: /,
  ]);
  t.strictSame(await problemsIn(`${validConfig}version: 1\n`), [
    '19:1  has a key that is already there; keep one of them',
  ]);
  t.match(await problemsIn(changed('version: 1', 'version: !!js/function 1')), [
    /1:10 {2}is not readable as YAML: Unresolved tag/,
  ]);
  t.match(await problemsIn(`${validConfig}---\nversion: 1\n`), [/is not readable as YAML/]);
});

test('a file that is not there, or too large', async (t) => {
  t.strictSame(await problemsIn(`${validConfig}#${' '.repeat(1_048_576)}`), [
    '1:1  cannot be read (EFBIG); name a readable file with --config',
  ]);
});

test('a place is found for every path, also for what is not written', async (t) => {
  const { locate } = await load(validConfig);
  const at = (...path: (string | number)[]) => {
    const { line, column } = locate(path);
    return `${line}:${column}`;
  };
  t.equal(at('routes', 0, 'allow', 0, 'when'), '18:15');
  t.equal(at('routes', 0, 'allow'), '16:5', 'a collection is shown by its key');
  t.equal(at('routes', 0, 'limits', 'chain_depth'), '13:5', 'a default by what it would stand in');
  t.equal(at('exchanges', 'corp', 'client', 'secret'), '11:63');
  t.equal(at('telemetry', 'endpoint'), '1:1');
  t.end();
});

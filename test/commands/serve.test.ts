// postern serve, as a newcomer meets it: the banner, the call it says to try, a reload by signal, a stop that drains. And
// beside it postern token and postern sts, which need a running issuer.

import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type Test, test } from 'tap';
import { assertPlain, quickstart, type Running, run, start } from '../support/e2e-command.ts';

async function serve(t: Test, file: string, ...more: string[]) {
  const gate = start(t, ['serve', '--config', file, ...more]);
  const [, url = ''] = await gate.printed('stderr', /agents +(http:\S+)/);
  await gate.printed('stderr', /Try it|Next:/);
  return { gate, url };
}

async function token(t: Test, file: string, ...args: string[]): Promise<string> {
  const { stdout, code } = await run(t, ['token', '--config', file, ...args]);
  t.equal(code, 0);
  return stdout.trim();
}

/** The records printed on standard output. */
async function recordsOf(gate: Running): Promise<{ readonly event: string }[]> {
  const { stdout } = await gate.ended;
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}

test('the banner, and what it says to try', async (t) => {
  const { file, issuer } = await quickstart(t);
  const { gate, url } = await serve(t, file);
  const [banner] = await gate.printed('stderr', /Postern \d[\s\S]*Postern-Subject-Token.*\n/);
  t.match(banner, /operators +http:\S+ +\/livez \/readyz \/metrics \/routes\n/, 'no list of revocations is configured');
  t.match(banner, new RegExp(`issuer +${issuer} +embedded`));
  t.match(banner, /whoami +http:\S+\/whoami/);
  t.ok(banner.includes(`curl -s ${url}/whoami`), 'with the ports it really got');

  const [agent, user] = await Promise.all([
    token(t, file, '--sub', 'agent:planner', '--workload'),
    token(t, file, '--sub', 'user:alice', '--for', 'agent:planner'),
  ]);
  const answer = await fetch(`${url}/whoami`, {
    headers: { authorization: `Bearer ${agent}`, 'postern-subject-token': user },
  });
  t.equal(answer.status, 200);
  t.match(await answer.json(), {
    token: { sub: 'user:alice', aud: 'whoami', act: { sub: 'agent:planner' }, scope: 'profile.read' },
  });
  gate.signal('SIGTERM');
  const { code, stderr } = await gate.ended;
  t.equal(code, 0);
  t.match(stderr, /Draining[\s\S]*Stopped\./);
  const records = await recordsOf(gate);
  t.match(
    records.find(({ event }) => event === 'postern.access.allowed'),
    { decision: 'allow', route: 'whoami' },
  );
  t.ok(records.some(({ event }) => event === 'postern.config.changed'));
  t.notMatch(stderr, new RegExp(agent.slice(-30)));
});

test('SIGHUP reloads; a configuration that is no good is told of and not used', async (t) => {
  const { file } = await quickstart(t);
  const { gate, url } = await serve(t, file, '--no-watch');
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, 'version: 2\n');
  gate.signal('SIGHUP');
  await gate.printed('stderr', /configuration kept/);
  writeFileSync(file, text.replace('path: /whoami', 'path: /me'));
  gate.signal('SIGHUP');
  await gate.printed('stderr', /configuration reloaded/);
  const agent = await token(t, file, '--sub', 'agent:planner', '--workload');
  t.equal((await fetch(`${url}/me`, { headers: { authorization: `Bearer ${agent}` } })).status, 200);
  gate.signal('SIGINT');
  t.equal((await gate.ended).code, 0);
});

test('SIGTERM lets a live answer end', async (t) => {
  const { file } = await quickstart(t);
  const upstream = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: one\n\n');
    upstream.once('last', () => response.end('data: last\n\n'));
  });
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  t.teardown(() => {
    upstream.close();
    upstream.closeAllConnections();
  });
  const address = upstream.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace(/upstream: \S+/, `upstream: http://127.0.0.1:${port}`));
  const { gate, url } = await serve(t, file, '--log-level', 'silent');
  const agent = await token(t, file, '--sub', 'agent:planner', '--workload');
  const answer = await fetch(`${url}/whoami`, { headers: { authorization: `Bearer ${agent}` } });
  gate.signal('SIGTERM');
  await gate.printed('stderr', /Draining/);
  upstream.emit('last');
  t.equal(await answer.text(), 'data: one\n\ndata: last\n\n');
  t.equal((await gate.ended).code, 0);
});

test('an address that is taken: told in words, and the process ends', async (t) => {
  const { file } = await quickstart(t);
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const address = server.address();
  const taken = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.replace('admin: "127.0.0.1:0"', `admin: "${taken}"`));
  const ended = await run(t, ['serve', '--config', file]);
  t.equal(ended.code, 1);
  t.match(ended.stderr, new RegExp(`${taken} is already in use`));
  assertPlain(t, ended);
});

test('a configuration that is no good starts nothing', async (t) => {
  const { file } = await quickstart(t, 'rotues: []\n');
  const ended = await run(t, ['serve', '--config', file]);
  t.equal(ended.code, 1);
  t.match(ended.stderr, /postern\.yaml:\d+:1 +rotues +is not an option/);
  assertPlain(t, ended);
});

test('token without a gate: says so', async (t) => {
  const { file } = await quickstart(t);
  const ended = await run(t, ['token', '--sub', 'x', '--config', file]);
  t.equal(ended.code, 1);
  t.match(ended.stderr, /no issuer answers at http:\S+; is the gate running\?/);
  assertPlain(t, ended);
});

test('token where another server answers: says so', async (t) => {
  const { file, issuer } = await quickstart(t);
  const server = createServer((_request, response) => response.end('<h1>Welcome</h1>'));
  server.listen(Number(new URL(issuer).port), '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const ended = await run(t, ['token', '--sub', 'x', '--config', file]);
  t.match(ended, { code: 1, stdout: '', stderr: /what answers at http:\S+ is no embedded issuer/ });
  assertPlain(t, ended);
});

test('sts runs the issuer alone; token is had from it; it ends on SIGTERM', async (t) => {
  const { file, issuer } = await quickstart(t);
  const sts = start(t, ['sts', '--config', file]);
  const [, endpoint = ''] = await sts.printed('stdout', /token endpoint +(\S+)/);
  t.equal(endpoint, `${issuer}/token`);
  t.match(await token(t, file, '--sub', 'x', '--ttl', '60'), /^eyJ/);
  const bad = await run(t, ['token', '--sub', 'x', '--ttl', 'soon', '--config', file]);
  t.match(bad, { code: 2, stderr: /--ttl is no number of seconds: soon/ });
  assertPlain(t, bad);
  sts.signal('SIGTERM');
  t.equal((await sts.ended).code, 0);
});

test('sts and token of a configuration without an issuer: say so', async (t) => {
  const { file } = await quickstart(t);
  const text = readFileSync(file, 'utf8');
  writeFileSync(file, text.slice(0, text.indexOf('sts:')));
  for (const args of [['sts'], ['token', '--sub', 'x']]) {
    const ended = await run(t, [...args, '--config', file]);
    t.equal(ended.code, 1);
    t.match(ended.stderr, /has no embedded issuer/);
    assertPlain(t, ended);
  }
});

test('an audit file that cannot be written: no start without a record of it', async (t) => {
  const { file } = await quickstart(t, `audit: { sink: file, file: /nowhere/at/all/audit.jsonl }\n`);
  const ended = await run(t, ['serve', '--config', file]);
  t.equal(ended.code, 1);
  t.match(ended.stderr, /cannot use the file \/nowhere\/at\/all/);
  assertPlain(t, ended);
});

test('a gate that is ready lets its young heap grow, which it kept small while it started', async (t) => {
  const { file } = await quickstart(t);
  // Told on standard error, in the process itself: there is no other way to read a flag of V8.
  const spy = `import v8 from 'node:v8'; import { syncBuiltinESMExports } from 'node:module'; const set = v8.setFlagsFromString;
v8.setFlagsFromString = (flag) => { console.error('flag', flag); set(flag); }; syncBuiltinESMExports();`;
  const NODE_OPTIONS = `--import data:text/javascript,${encodeURIComponent(spy)}`;
  const gate = start(t, ['serve', '--config', file], { env: { NODE_OPTIONS } });
  await gate.printed('stderr', /Next:|Try it/);
  gate.signal('SIGTERM');

  const { stderr } = await gate.ended;

  const told = [...stderr.matchAll(/^flag (--(?:semi-space|no-use-osr|use-osr)\S*)$/gm)].map(([, flag]) => flag);
  t.strictSame(told, ['--semi-space-growth-factor=1', '--no-use-osr', '--semi-space-growth-factor=2', '--use-osr']);
});

// Another configuration, without a restart: what is good takes over at once, what is bad changes nothing, and no live call is
// cut by either.

import { renameSync, writeFileSync } from 'node:fs';
import { test } from 'tap';
import { ConfigError } from '../../src/config/load.ts';
import { answering } from '../support/e2e-issuer.ts';
import { holdStream, readStream } from '../support/e2e-stream.ts';
import { apiRoute, startE2e, told, type World } from '../support/e2e-world.ts';
import { rejection } from '../support/rejection.ts';

/** Resolves with the first log line of this message, once it is there. */
async function logged({ log }: World, message: string): Promise<object> {
  for (;;) {
    const line = log.find((one) => one.message === message);
    if (line !== undefined) return line.facts;
    await new Promise(setImmediate);
  }
}

test('a good configuration takes over', async (t) => {
  const world = await startE2e(t);
  t.equal((await world.call('/other')).status, 404);
  world.configure({ routes: [apiRoute(world, { path: '/other' })] });
  t.equal(await world.app.reload(), true);
  t.equal((await world.call('/other')).status, 200);
  t.equal((await world.call('/api')).status, 404);
  const { records } = await world.end();
  const changes = records.filter(({ event }) => event === 'postern.config.changed');
  t.equal(changes.length, 2, 'start and reload are on the record');
  t.notSame(changes[0]?.['facts'], changes[1]?.['facts']);
});

test('the same file again changes nothing that can be seen', async (t) => {
  const world = await startE2e(t);
  t.equal(await world.app.reload(), false);
  t.equal((await world.call('/api')).status, 200);
});

const bad: Record<string, { text: string; says: RegExp }> = {
  'no YAML': { text: 'version: 1\nroutes: [', says: /postern\.yaml:\d+:\d+/ },
  'an unknown option': { text: 'version: 1\nrotues: []\n', says: /rotues .*did you mean routes\?/ },
  'an empty file': { text: '', says: /postern\.yaml/ },
};

for (const [name, { text, says }] of Object.entries(bad)) {
  test(`a bad configuration is refused and the old one kept: ${name}`, async (t) => {
    const world = await startE2e(t);
    writeFileSync(world.configFile, text);
    const failure = await rejection(world.app.reload());
    t.ok(failure instanceof ConfigError);
    t.match(failure.message, says);
    t.equal((await world.call('/api')).status, 200);
  });
}

test('a rule that does not compile is a problem of the configuration, not of a call', async (t) => {
  const world = await startE2e(t);
  world.configure({ routes: [apiRoute(world, { allow: [{ id: 'slip', when: 'caler.sub == "a"' }] })] });
  t.match((await rejection(world.app.reload())).message, /postern\.yaml:\d+:\d+ .*caler/);
  t.equal((await world.call('/api')).status, 200);
});

test('a call that waits for the issuer while the configuration changes is served to its end', async (t) => {
  const world = await startE2e(t);
  const asked = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const token = await world.issuer.mint({
    sub: 'user:alice',
    audience: 'api',
    scope: 'read',
    act: { sub: 'agent:planner', iss: world.issuer.issuer },
  });
  world.issuer.answerWith((response, one) => {
    asked.resolve();
    held.promise.then(() => answering(200, { access_token: token, token_type: 'Bearer' })(response, one));
  });
  const waiting = world.call('/api');
  await asked.promise;
  await world.app.reload();
  held.resolve();
  t.equal((await waiting).status, 200);
});

test('a stricter policy holds for the very next call, also where the credential was cached', async (t) => {
  const world = await startE2e(t);
  const same = { agent: await world.agent(), user: await world.user() };
  t.equal((await world.call('/api', same)).status, 200);
  world.configure({ routes: [apiRoute(world, { allow: [{ id: 'nobody', when: 'false' }] })] });
  await world.app.reload();
  t.strictSame(told(await world.call('/api', same)), [403, 'access_denied']);
});

test('a live stream goes on over a reload, and ends when it ends', async (t) => {
  const world = await startE2e(t);
  const opening = holdStream(world.upstream);
  const answer = await world.call('/api/stream');
  const stream = await opening;
  const reader = readStream(answer);
  stream.send('data: one\n\n');
  await reader.until('one');

  world.configure({ routes: [apiRoute(world, { path: '/elsewhere' })] });
  await world.app.reload();
  t.equal((await world.call('/api')).status, 404, 'the new configuration is in force');
  stream.send('data: two\n\n');
  await reader.until('two');
  stream.end();
  t.equal(await reader.rest(), 'data: one\n\ndata: two\n\n');
});

test('a change of the file is noticed by itself', async (t) => {
  const world = await startE2e(t, { watch: true });
  world.configure({ routes: [apiRoute(world, { path: '/other' })] });
  await logged(world, 'configuration reloaded');
  t.equal((await world.call('/other')).status, 200);
});

test('a file that is replaced, as editors and mounts do, is noticed too', async (t) => {
  const world = await startE2e(t, { watch: true });
  const { configFile } = world;
  const next = world.folder.concat('/next.yaml');
  world.configure({ routes: [apiRoute(world, { path: '/other' })] });
  renameSync(configFile, next);
  renameSync(next, configFile);
  await logged(world, 'configuration reloaded');
  t.equal((await world.call('/other')).status, 200);
});

test('a bad change of the file is told in the log, with its place, and the old one kept', async (t) => {
  const world = await startE2e(t, { watch: true });
  writeFileSync(world.configFile, 'version: 1\nroutes: 5\n');
  t.match(await logged(world, 'configuration kept'), { problem: /postern\.yaml:2:\d+/ });
  t.equal((await world.call('/api')).status, 200);
});

test('sections that only a start reads are told of', async (t) => {
  const world = await startE2e(t);
  world.configure({ listen: { outbound: '127.0.0.1:0', admin: '127.0.0.1:0', keep_alive: '5s' } });
  await world.app.reload();
  const line = world.log.find(({ message }) => message.includes('next start only'));
  t.match(line?.facts, { sections: ['listen'] });
});

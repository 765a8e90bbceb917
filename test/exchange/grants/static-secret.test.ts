// A standing secret: from the configuration, or from a file that is rotated under a running gate.

import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { recordingObservation } from '../../support/exchange-observation.ts';
import { refusal, startWorld } from '../../support/exchange-world.ts';

const key = { kind: 'header', name: 'x-api-key', prefix: '' } as const;

test('a value from the configuration is placed as it is, without asking anybody', async (t) => {
  const { gate, call, issuer } = await startWorld(t);
  const { broker, problems } = gate({
    exchanges: { corp: { grant: 'static_secret', value: 'sk-1' } },
    routes: [{ placement: key, audience: undefined }],
  });
  const observation = recordingObservation();

  const armed = await broker.arm(call({ observation }));

  t.strictSame(problems, []);
  t.equal(armed.credential.secret?.reveal(), 'sk-1');
  t.strictSame(armed.credential.placement, key);
  t.equal(armed.cache, 'bypass');
  t.match(armed.credential.facts, { kind: 'static', grant: 'static_secret', verification: { mode: 'not_applicable' } });
  t.equal(armed.credential.facts.expiresAt, undefined);
  t.equal(observation.exchanges.length, 0);
  t.equal(issuer.received.length, 0);
  t.match(broker.status(), [{ name: 'corp', kind: 'static', ready: true }]);
});

test('a file is read again when it changed, a second later at most', async (t) => {
  const { gate, call, clock } = await startWorld(t);
  const file = join(t.testdir({ key: 'sk-old\n' }), 'key');
  const { broker } = gate({ exchanges: { corp: { grant: 'static_secret', file } } });
  const armed = async () => (await broker.arm(call())).credential.secret?.reveal();

  t.equal(await armed(), 'sk-old');
  writeFileSync(file, 'sk-newer');
  t.equal(await armed(), 'sk-old', 'not looked at within the second');
  clock.pass(1);
  t.equal(await armed(), 'sk-newer');
});

test('a rejected key makes it look at once', async (t) => {
  const { gate, call } = await startWorld(t);
  const file = join(t.testdir({ key: 'sk-old' }), 'key');
  const { broker } = gate({ exchanges: { corp: { grant: 'static_secret', file } } });
  const rejected = await broker.arm(call());
  writeFileSync(file, 'sk-rotated');
  t.equal((await broker.rearm(rejected)).credential.secret?.reveal(), 'sk-rotated');
});

test('a symlink that is swapped, as Kubernetes does, counts as a change even with the same size', async (t) => {
  const { gate, call, clock } = await startWorld(t);
  const dir = t.testdir({ a: 'sk-aaaa', b: 'sk-bbbb' });
  const file = join(dir, 'key');
  symlinkSync(join(dir, 'a'), file);
  const { broker } = gate({ exchanges: { corp: { grant: 'static_secret', file } } });
  await broker.arm(call());
  symlinkSync(join(dir, 'b'), join(dir, 'next'));
  renameSync(join(dir, 'next'), file);
  clock.pass(1);
  t.equal((await broker.arm(call())).credential.secret?.reveal(), 'sk-bbbb');
});

test('a file that is gone is no credential, even though its value is remembered', async (t) => {
  const { gate, call, clock } = await startWorld(t);
  const file = join(t.testdir({ key: 'sk-1' }), 'key');
  const { broker } = gate({ exchanges: { corp: { grant: 'static_secret', file } } });
  await broker.arm(call());
  rmSync(file);
  clock.pass(1);
  const refused = await refusal(broker.arm(call()));
  t.equal(refused.reason, 'secret_unavailable');
  t.match(broker.status(), [{ lastFailure: { reason: 'secret_unavailable' } }]);
  writeFileSync(file, 'sk-2');
  t.equal((await broker.arm(call())).credential.secret?.reveal(), 'sk-2');
});

test('a folder as Kubernetes mounts it: each route has its own file in it, all swapped at once', async (t) => {
  const { gate, call, clock } = await startWorld(t);
  const directory = t.testdir({ one: { openai: 'sk-o1', qdrant: 'sk-q1' }, two: { openai: 'sk-o2', qdrant: 'sk-q2' } });
  symlinkSync('one', join(directory, '..data'));
  for (const name of ['openai', 'qdrant']) symlinkSync(join('..data', name), join(directory, name));
  const { broker } = gate({
    exchanges: { keys: { grant: 'static_secret', directory } },
    routes: ['openai', 'qdrant', 'tavily'].map((id) => ({ id, exchange: 'keys', audience: undefined })),
  });
  await broker.warm();
  t.match(broker.status(), [{ kind: 'static', ready: true, endpoint: directory }]);
  const keyOf = async (id: string) => (await broker.arm(call({ route: id }))).credential.secret?.reveal();

  t.strictSame([await keyOf('openai'), await keyOf('qdrant')], ['sk-o1', 'sk-q1']);
  symlinkSync('two', join(directory, '..next'));
  renameSync(join(directory, '..next'), join(directory, '..data'));
  clock.pass(1);
  t.strictSame([await keyOf('openai'), await keyOf('qdrant')], ['sk-o2', 'sk-q2']);
  const refused = await refusal(broker.arm(call({ route: 'tavily' })));
  t.equal(refused.reason, 'secret_unavailable', 'a route without a file has no key, and no other route lends it one');
});

test('a folder that is none: not ready', async (t) => {
  const { gate } = await startWorld(t);
  const directory = join(t.testdir({ key: 'sk-1' }), 'key');
  const { broker } = gate({ exchanges: { corp: { grant: 'static_secret', directory } } });
  await broker.warm();
  t.match(broker.status(), [{ ready: false, lastFailure: { reason: 'secret_unavailable' } }]);
});

const unusable: readonly (readonly [string, string])[] = [
  ['empty', ''],
  ['only a line end', '\n'],
  ['two lines', 'sk-1\nX-Injected: yes'],
  ['a carriage return inside', 'sk-1\rX-Injected: yes'],
  ['a NUL', 'sk\0-1'],
  ['beyond ASCII', 'sk-ü'],
  ['too long for a header', 'x'.repeat(16_385)],
  ['too large to read', 'x'.repeat(70_000)],
];

for (const [what, content] of unusable) {
  test(`refused: a file that is ${what}`, async (t) => {
    const { gate, call } = await startWorld(t);
    const file = join(t.testdir({ key: content }), 'key');
    const { broker } = gate({ exchanges: { corp: { grant: 'static_secret', file } } });
    await broker.warm();
    t.match(broker.status(), [{ ready: false }]);
    const refused = await refusal(broker.arm(call()));
    t.equal(refused.reason, 'secret_unavailable');
    t.notMatch(refused.detail, /sk-1|xxx/);
  });
}

test('a value no header can carry is reported at load', async (t) => {
  const { gate, call } = await startWorld(t);
  const { broker, problems } = gate({ exchanges: { corp: { grant: 'static_secret', value: 'CANARY\nX: y' } } });
  t.match(problems, [{ path: ['exchanges', 'corp', 'value'] }]);
  t.notMatch(JSON.stringify(problems), /CANARY/);
  t.equal((await refusal(broker.arm(call()))).reason, 'secret_unavailable');
});

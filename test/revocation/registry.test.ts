// What is in force, what ends because of it, and that nothing goes out of force by accident.

import { test } from 'tap';
import type { Enforcer } from '../../src/revocation/enforcement.ts';
import type { Entry, WrittenLine } from '../../src/revocation/entry.ts';
import { createRegistry, type Registry } from '../../src/revocation/registry.ts';
import { credentialOf } from '../support/forwarding-gate.ts';
import { clockAt } from '../support/identity-world.ts';
import { rejection } from '../support/rejection.ts';
import { aliceToken, idp, plannerCall, readingOf } from '../support/revocation-lists.ts';

const now = Date.UTC(2026, 10, 22, 10);
const alice = { iss: idp, sub: 'alice' };

function world() {
  const clock = clockAt(now);
  const registry = createRegistry(clock);
  const came: string[] = [];
  const lifted: string[] = [];
  const tell = {
    revoked: ({ entry: { id }, ended }: { entry: Entry; ended: object }) => came.push(`${id} ${Object.values(ended)}`),
    lifted: ({ id }: Entry) => lifted.push(id),
  };
  const read = async (...lines: WrittenLine[]) => registry.apply(await readingOf(...lines), tell);
  return { clock, registry, came, lifted, read };
}

const reasonOf = (registry: Registry) => registry.refusalOf(plannerCall())?.reason;

test('each kind of entry has its reason, told with its id', async (t) => {
  const kinds: [WrittenLine, string, number][] = [
    [{ subject: alice }, 'subject_revoked', 403],
    [{ actor: { iss: idp, sub: 'planner' } }, 'actor_revoked', 403],
    [{ member: { iss: idp, sub: 'writer' } }, 'member_revoked', 403],
    [{ root: 'root-1' }, 'delegation_revoked', 403],
    [{ route: 'openai' }, 'route_revoked', 403],
    [{ token: 'jti-alice' }, 'token_revoked', 401],
    [{ subject: alice, issued_before: '2026-11-22T10:00:00Z' }, 'token_revoked', 401],
  ];
  for (const [line, reason, status] of kinds) {
    const { registry, read } = world();
    t.equal(registry.refusalOf(plannerCall()), undefined);
    await read({ id: 'r-7', ...line });
    t.match(registry.refusalOf(plannerCall()), { reason, status, detail: /revocation r-7/ });
  }
});

test('an entry is told once, with what ended, whatever is read again', async (t) => {
  const { registry, came, read } = world();
  await read({ id: 'a', subject: alice });
  await read({ id: 'a', subject: alice });
  t.strictSame(came, ['a 0,0,0']);
  t.strictSame([...registry.stats().entries], [['subject', 1]]);
});

test('whoever holds something lets go of it, once for each entry that came', async (t) => {
  const { registry, came, read } = world();
  const asked: unknown[] = [];
  const armed = { ...plannerCall(), cache: 'hit', credential: credentialOf('secret') } as const;
  const enforcer: Enforcer = {
    forget: (member) => asked.push(member),
    endTokens: (concerned) => Number(concerned(aliceToken())),
    endCalls(why) {
      const refusal = why(armed);
      asked.push(refusal?.reason);
      return refusal === undefined ? 0 : 1;
    },
  };
  const detach = registry.attach(enforcer);
  await read({ id: 'a', subject: alice }, { id: 'b', actor: { iss: '*', sub: 'nobody' } });
  t.strictSame(asked, [alice, { iss: undefined, sub: 'nobody' }, 'subject_revoked']);
  t.strictSame(came, ['a 1,1,1', 'b 2,0,0']);
  t.equal(registry.stats().callsEnded, 1);
  detach();
  await read({ id: 'a', subject: alice }, { id: 'c', route: 'openai' });
  t.equal(asked.length, 3);
});

test('one that fails to let go keeps no other from it, and is told', async (t) => {
  const { registry, came, read } = world();
  let ended = 0;
  registry.attach({
    endTokens() {
      throw new Error('broken');
    },
  });
  registry.attach({
    endCalls() {
      ended += 1;
      return 0;
    },
  });
  t.match(await rejection(read({ id: 'a', subject: alice })), /not carried out everywhere/);
  t.equal(ended, 1);
  t.strictSame(came, ['a 0,0,0']);
  t.equal(reasonOf(registry), 'subject_revoked');
});

test('an entry that cannot be told of keeps no other from being carried out', async (t) => {
  const { registry } = world();
  const forgotten: string[] = [];
  registry.attach({ forget: ({ sub }) => forgotten.push(sub) });
  const lines = Array.from({ length: 600 }, (_, index) => ({ subject: { iss: idp, sub: `user-${index}` } }));
  const revoked = () => {
    throw new Error('no record');
  };
  t.match(await rejection(registry.apply(await readingOf(...lines), { revoked, lifted: revoked })), AggregateError);
  t.equal(forgotten.length, 600);
});

test('a lifted entry is in force no more, and comes back when it is written again', async (t) => {
  const { registry, came, lifted, read } = world();
  await read({ id: 'a', subject: alice });
  await read({ id: 'a', subject: alice }, { lift: 'a' });
  t.equal(reasonOf(registry), undefined);
  t.strictSame(lifted, ['a']);
  await read({ id: 'a', subject: alice }, { lift: 'a' }, { id: 'a', subject: alice });
  t.equal(reasonOf(registry), 'subject_revoked');
  t.strictSame(came, ['a 0,0,0', 'a 0,0,0']);
});

test('a line that is gone lifts nothing: the entry is kept, until it is lifted', async (t) => {
  const { registry, read } = world();
  await read({ id: 'a', subject: alice });
  await read();
  t.equal(reasonOf(registry), 'subject_revoked');
  t.equal(registry.stats().kept, 1);
  await read({ lift: 'a' });
  t.equal(reasonOf(registry), undefined);
  t.equal(registry.stats().kept, 0);
});

test('an entry ends at its time, by itself', async (t) => {
  const { clock, registry, came, read } = world();
  const line = { id: 'a', subject: alice, until: new Date(now + 60_000).toISOString() };
  await read(line);
  clock.advance(59);
  t.equal(reasonOf(registry), 'subject_revoked');
  clock.advance(1);
  t.equal(reasonOf(registry), undefined);
  t.strictSame([registry.entries(), [...registry.stats().entries]], [[], []]);
  await read(line);
  t.equal(came.length, 1, 'and does not come again');
  t.equal(registry.stats().kept, 0);
});

test('a line that says something else under the same id counts as it is now', async (t) => {
  const { registry, read } = world();
  await read({ id: 'a', route: 'other' });
  t.equal(reasonOf(registry), undefined);
  await read({ id: 'a', route: 'openai' });
  t.equal(reasonOf(registry), 'route_revoked');
  await read({ id: 'a', route: 'openai' }, { lift: 'a' });
  t.equal(reasonOf(registry), undefined);
});

test('a line that says something else now is told as what it ends, and as what it brings', async (t) => {
  const { clock, registry, came, lifted, read } = world();
  await read({ id: 'a', subject: alice });
  await read({ id: 'a', route: 'other' });
  t.strictSame([came, lifted], [['a 0,0,0', 'a 0,0,0'], ['a']]);
  await read({ id: 'b', subject: alice });
  t.equal(reasonOf(registry), 'subject_revoked');
  await read({ id: 'b', subject: alice, until: new Date(clock.now() - 1_000).toISOString() });
  t.equal(reasonOf(registry), undefined, 'an end that is written into it, in the past, ends it');
  t.strictSame(lifted, ['a', 'b']);
});

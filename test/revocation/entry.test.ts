// What one line of the list says, and that nothing is taken for less than it says.

import fc from 'fast-check';
import { test } from 'tap';
import { maxLine, readEntry } from '../../src/revocation/entry.ts';
import { entryOf, idp } from '../support/revocation-lists.ts';

const alice = { iss: idp, sub: 'alice' };

function problemOf(line: object | string): string {
  const read = readEntry(typeof line === 'string' ? line : JSON.stringify(line));
  return read.says === 'nothing' ? read.problem : `no problem: ${read.says}`;
}

test('a party, a token, a delegation, a route', (t) => {
  t.match(entryOf({ id: 'r-1', subject: alice }), { id: 'r-1', kind: 'subject', party: alice });
  t.match(entryOf({ actor: alice }), { kind: 'actor', party: alice });
  t.match(entryOf({ member: alice }), { kind: 'member', party: alice });
  t.match(entryOf({ token: 'jti-1' }), { kind: 'token', value: 'jti-1' });
  t.match(entryOf({ root: 'txn-1' }), { kind: 'root', value: 'txn-1' });
  t.match(entryOf({ route: 'openai' }), { kind: 'route', value: 'openai' });
  t.strictSame(readEntry('{"lift":"r-1","by":"bob"}'), { says: 'lifted', id: 'r-1' });
  t.end();
});

test('times, with their offset, and who and why', (t) => {
  const entry = entryOf({
    subject: alice,
    issued_before: '2026-11-22T10:00:00Z',
    until: '2026-11-22T12:00:00+01:00',
    at: '2026-11-22T10:00:01Z',
    reason: 'lost laptop',
    by: 'bob',
  });
  t.match(entry, { issuedBefore: Date.UTC(2026, 10, 22, 10), until: Date.UTC(2026, 10, 22, 11), by: 'bob' });
  t.match(entry, { at: '2026-11-22T10:00:01Z', reason: 'lost laptop' });
  t.end();
});

test('a line without an id has one of its own text: the same each time, another for another line', (t) => {
  t.equal(entryOf({ subject: alice }).id, entryOf({ subject: alice }).id);
  t.not(entryOf({ subject: alice }).id, entryOf({ actor: alice }).id);
  t.match(entryOf({ subject: alice }).id, /^r-[\w-]{16}$/);
  t.end();
});

test('what is not understood whole is a problem, and never something less', (t) => {
  t.match(problemOf('not json'), /is no JSON object/);
  t.match(problemOf('["subject"]'), /is no JSON object/);
  t.match(problemOf({}), /names none of subject, actor, member, token, root, route, lift/);
  t.match(problemOf({ subject: alice, route: 'openai' }), /names several/);
  t.match(problemOf({ subject: { sub: 'alice' } }), /subject\.iss/);
  t.match(problemOf({ subject: { iss: idp, sub: '' } }), /subject\.sub/);
  t.match(problemOf({ subject: alice, untill: '2026-11-22T10:00:00Z' }), /a field that is not known/);
  t.match(problemOf({ subject: alice, until: 'tomorrow' }), /until: is not a time/);
  t.match(problemOf({ subject: alice, until: '2026-11-22T10:00:00' }), /until/, 'a time without offset is no instant');
  t.match(problemOf({ actor: alice, issued_before: '2026-11-22T10:00:00Z' }), /goes with subject or member/);
  t.match(problemOf({ lift: 'r-1', until: '2026-11-22T10:00:00Z' }), /does not go with lift/);
  t.match(problemOf('{"route":"openai","route":"other"}'), /has a field twice/);
  t.match(problemOf('{"subject":{"iss":"a","sub":"x","s\\u0075b":"y"}}'), /has a field twice/);
  t.equal(entryOf({ subject: { iss: 'a"b":', sub: '\\"sub":' } }).kind, 'subject', 'text that looks like one is none');
  t.match(problemOf({ id: 'an id', route: 'openai' }), /id: is not an id/);
  t.match(problemOf({ token: 'x'.repeat(2_000) }), /token/);
  t.match(problemOf({ route: 'a', reason: 'x'.repeat(maxLine) }), /is longer than/);
  t.notMatch(problemOf('{"password":"canary"}'), /canary|password/, 'and the line is not quoted');
  t.end();
});

test('whatever stands there, it is read to an end', (t) => {
  const keys = fc.constantFrom(
    'subject',
    'actor',
    'member',
    'token',
    'lift',
    'id',
    'until',
    '__proto__',
    'constructor',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.dictionary(keys, fc.jsonValue()).map((one) => JSON.stringify(one)),
      ),
      (line) => {
        t.match(readEntry(line).says, /^(?:revoked|lifted|nothing)$/);
      },
    ),
    { seed: 1, numRuns: 300 },
  );
  t.end();
});

test('a name that is not UTF-8 would be another name, which nobody has', (t) => {
  const latin1 = Buffer.from(JSON.stringify({ subject: { iss: idp, sub: 'J\u00f6rg' } }), 'latin1').toString('utf8');
  t.match(problemOf(latin1), /is not UTF-8/);
  t.equal(entryOf({ subject: { iss: idp, sub: 'J\u00f6rg' } }).kind, 'subject');
  t.end();
});

// MCP sessions belong to who started them: caller, subject and route, by identity and not by token.

import { test } from 'tap';
import type { ArmedCall } from '../../src/call.ts';
import { createSessionSeal } from '../../src/forwarding/mcp-session.ts';
import { callWith } from '../support/forwarding-call.ts';
import { principalOf } from '../support/forwarding-gate.ts';

const seal = createSessionSeal(Buffer.alloc(32, 1));

function open(sealed: string, changes: Partial<ArmedCall> = {}): string | undefined {
  return seal.open(callWith(['Mcp-Session-Id', sealed], changes));
}

test('what was sealed for a call opens for the same identities', async (t) => {
  t.equal(open(seal.seal(callWith(), 'session-1')), 'session-1');
  t.equal(open(seal.seal(callWith(), 'a~b~c')), 'a~b~c', 'whatever the id is made of');
});

test('a refreshed token keeps its session', async (t) => {
  const sealed = seal.seal(callWith(), 'session-1');
  const caller = { ...principalOf('agent'), claims: { iat: 2, jti: 'fresh' } };
  t.equal(open(sealed, { caller }), 'session-1');
});

test('without a session there is none', async (t) => {
  t.equal(seal.open(callWith()), undefined);
});

const strangers: Record<string, Partial<ArmedCall>> = {
  'another caller': { caller: principalOf('other-agent') },
  'another subject': { subject: principalOf('mallory', 'user') },
  'the same subject of another issuer': { subject: { ...principalOf('alice'), iss: 'https://other.example' } },
  'caller and subject swapped': { caller: principalOf('alice'), subject: principalOf('agent') },
  'another route': { route: { ...callWith().route, id: 'others' } },
};

for (const [name, changes] of Object.entries(strangers)) {
  test(`not opened for ${name}`, async (t) => {
    const sealed = seal.seal(callWith(), 'session-1');
    t.throws(() => open(sealed, changes), { name: 'Refusal', reason: 'mcp_session_unbound' });
  });
}

test('not opened when anything of it was changed or left out', async (t) => {
  const sealed = seal.seal(callWith(), 'session-1');
  const at = sealed.lastIndexOf('~');
  for (const changed of [
    'session-1',
    'session-1~',
    `session-2${sealed.slice(at)}`,
    `${sealed.slice(0, -2)}AA`,
    sealed.slice(at),
    sealed.slice(0, -4),
    `${sealed}AAAA`,
    'x'.repeat(3_000),
    '',
  ]) {
    t.throws(() => open(changed), { name: 'Refusal', reason: 'mcp_session_unbound' }, changed.slice(0, 40));
  }
});

test('not opened by another process', async (t) => {
  t.throws(() => createSessionSeal().open(callWith(['mcp-session-id', seal.seal(callWith(), 'a')])), {
    name: 'Refusal',
    reason: 'mcp_session_unbound',
  });
});

test('two session headers are ambiguous', async (t) => {
  const sealed = seal.seal(callWith(), 'session-1');
  t.throws(() => seal.open(callWith(['mcp-session-id', sealed, 'Mcp-Session-Id', sealed])), {
    name: 'Refusal',
    reason: 'header_ambiguous',
  });
});

test('an upstream id that is none is not passed on', async (t) => {
  for (const id of ['', 'a b', 'a\x7f', 'ü', 'x'.repeat(1_025)]) {
    t.throws(
      () => seal.seal(callWith(), id),
      { name: 'Refusal', reason: 'upstream_answer_malformed' },
      JSON.stringify(id.slice(0, 9)),
    );
  }
});

// What spans say of a grant is encoded once for all calls with its credential: the same bytes as told anew, and never another chain's.

import { test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import type { KnownCall, ObservedCall } from '../../src/call.ts';
import type { CredentialFacts } from '../../src/credential.ts';
import { createDelegationBlocks } from '../../src/telemetry/delegation-attributes.ts';
import { createWriteGrant, type GrantSpan } from '../../src/telemetry/grant-attributes.ts';
import { attributesInto, createBlocks } from '../../src/telemetry/otlp-attributes.ts';
import { createWriter } from '../../src/telemetry/otlp-writer.ts';
import { createNaming, createPseudonym } from '../../src/telemetry/pseudonym.ts';
import { arrival, coder, credentialFacts, known, planner, stripped } from '../support/telemetry-calls.ts';

const tag = (9 << 3) | 2;
const pseudonym = createPseudonym(new Secret('a key for this test only'));
const ids = { rootId: 'root-1', id: 'grant-2', parentId: 'grant-1' };
const issuedIn = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };
const findings = ['aud', 'naïve'];
const facts = credentialFacts({ credential: { issuedIn, verification: { mode: 'record', findings } } });

function spans() {
  const encode = createBlocks(tag, 300);
  const writer = createWriter();
  const to = attributesInto(writer, tag, 300);
  const write = createWriteGrant({
    encode,
    delegation: createDelegationBlocks(encode, { name: createNaming('raw', pseudonym), hops: true }),
    user: (attributes, { subject }) => attributes.set('user.id', subject.sub),
  });
  return (span: GrantSpan, call: KnownCall, of: CredentialFacts, changes: Partial<typeof ids> = {}): string => {
    writer.begin();
    write(to, span, call, of, { ...ids, ...changes });
    return writer.end().toString('hex');
  };
}

function callOf(sub: string, actors = [planner]): KnownCall {
  // Nothing of an observation is read here.
  const observation = { span: issuedIn } as ObservedCall['observation'];
  const subject = { kind: 'user', iss: 'https://idp', sub, claims: {} } as const;
  return known(stripped({ ...arrival(), observation }), { subject, actors });
}

test('what is remembered is what would be told', (t) => {
  const remembering = spans();
  const call = callOf('Zoë→😀');
  for (const span of ['server', 'attempt', 'server', 'attempt'] as const) {
    // The facts of a credential that was not issued are told anew.
    const told = spans()(span, call, { ...facts, issuedIn: undefined });
    t.equal(remembering(span, call, facts), told, span);
  }
  t.end();
});

test('one credential, and another chain, root or parent', (t) => {
  const remembering = spans();
  const calls = [callOf('alice'), callOf('bob'), callOf('alice', [coder, planner]), callOf('alice')];
  for (const call of [...calls, ...calls]) {
    for (const changes of [{}, { rootId: 'root-2' }, { parentId: 'other' }, {}]) {
      t.equal(remembering('server', call, facts, changes), spans()('server', call, { ...facts }, changes));
    }
  }
  t.end();
});

// The chain as attributes: depth 0, 1, 3 and 9, names that try to forge it, and its bounds.

import fc from 'fast-check';
import { test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import type { ObservedCall } from '../../src/call.ts';
import { delegationAttributes, maxChain } from '../../src/telemetry/delegation-attributes.ts';
import { createNaming, createPseudonym } from '../../src/telemetry/pseudonym.ts';
import {
  arrival,
  canaries,
  carryOut,
  coder,
  known,
  planner,
  stripped,
  type World,
  workload,
} from '../support/telemetry-calls.ts';
import { telemetryWorld } from '../support/telemetry-world.ts';

const pseudonym = createPseudonym(new Secret('a key for this test only'));
const ids = { rootId: 'root-1', id: 'grant-2', parentId: 'grant-1' };

function attributesOf(world: World, form: 'pseudonymous' | 'raw' | 'omit' = 'pseudonymous', hops = true) {
  const call = known(stripped(observed(), world), world);
  return { call, attributes: delegationAttributes(call, ids, { name: createNaming(form, pseudonym), hops }) };
}

/** An arrival whose observation is not to be used. */
function observed(): ObservedCall {
  const fail = () => {
    throw new Error('nothing is recorded here');
  };
  const span = { traceId: '', spanId: '', traceFlags: 0 };
  const observation = { span, exchangeStarted: fail, attemptStarted: fail, replied: fail, refused: fail };
  return { ...arrival(), observation };
}

test('depth 0: a workload for itself is subject and actor', (t) => {
  const { attributes } = attributesOf({ actors: [], subject: workload(planner) });
  t.match(attributes, {
    'postern.delegation.depth': 0,
    'postern.delegation.subject': planner,
    'postern.delegation.actor': planner,
    'postern.delegation.chain': `>${planner}>`,
    'postern.delegation.actors': [],
    'postern.delegation.root_id': 'root-1',
    'postern.delegation.id': 'grant-2',
    'postern.delegation.parent_id': 'grant-1',
    'postern.delegation.truncated': undefined,
  });
  t.end();
});

test('depth 1: a user, by pseudonym, and one agent', (t) => {
  const { call, attributes } = attributesOf({ actors: [planner] });
  const name = `user:${pseudonym(call.subject)}`;
  t.match(name, /^user:u_[A-Za-z0-9_-]{22}$/);
  t.match(attributes, {
    'postern.delegation.depth': 1,
    'postern.delegation.subject': name,
    'postern.delegation.actor': planner,
    'postern.delegation.chain': `>${name}>${planner}>`,
    'postern.delegation.actors': [planner],
    'postern.delegation.hop.1': planner,
  });
  t.notMatch(JSON.stringify(attributes), canaries.userEmail);
  t.end();
});

test('depth 3: actors from the root on, the current one last', (t) => {
  const { attributes } = attributesOf({ actors: ['tool', coder, planner] });
  t.match(attributes, {
    'postern.delegation.depth': 3,
    'postern.delegation.actor': 'tool',
    'postern.delegation.actors': [planner, coder, 'tool'],
    'postern.delegation.hop.1': planner,
    'postern.delegation.hop.2': coder,
    'postern.delegation.hop.3': 'tool',
  });
  t.match(String(attributes['postern.delegation.chain']), new RegExp(`>${planner}>${coder}>tool>$`));
  t.end();
});

test('depth 9: eight are written, the depth is true, and the cut is told', (t) => {
  const actors = ['a9', 'a8', 'a7', 'a6', 'a5', 'a4', 'a3', 'a2', 'a1'];
  const { attributes } = attributesOf({ actors });
  t.equal(attributes['postern.delegation.depth'], 9);
  t.equal(attributes['postern.delegation.actor'], 'a9');
  t.strictSame(attributes['postern.delegation.actors'], ['a1', 'a2', 'a3', 'a4', 'a5', 'a6', 'a7', 'a8']);
  t.equal(attributes['postern.delegation.truncated'], true);
  t.match(String(attributes['postern.delegation.chain']), />a7>a8>…>$/);
  t.notOk('postern.delegation.hop.9' in attributes);
  t.end();
});

test('the subject follows the setting, workloads are always named', (t) => {
  t.equal(attributesOf({}, 'raw').attributes['postern.delegation.subject'], `user:${canaries.userEmail}`);
  t.equal(attributesOf({}, 'omit').attributes['postern.delegation.subject'], undefined);
  t.equal(attributesOf({}, 'omit').attributes['postern.delegation.chain'], `>${planner}>`);
  const self = { actors: [], subject: workload(planner) };
  t.equal(attributesOf(self, 'omit').attributes['postern.delegation.subject'], planner);
  t.end();
});

test('hop attributes can be left out', (t) => {
  t.notOk('postern.delegation.hop.1' in attributesOf({}, 'raw', false).attributes);
  t.end();
});

test('a name cannot forge a chain: separators, encodings and control characters are encoded', (t) => {
  const forged = ['a>agent:admin>b', 'a%3Eb', 'line\nbreak', 'übel', 'with space'];
  const { attributes } = attributesOf({ actors: forged });
  t.strictSame(attributes['postern.delegation.actors'], [
    'with%20space',
    '%C3%BCbel',
    'line%0Abreak',
    'a%253Eb',
    'a%3Eagent:admin%3Eb',
  ]);
  t.notMatch(String(attributes['postern.delegation.chain']), />agent:admin>/);
  t.end();
});

test('property: whatever the names, the chain is bounded, anchored, printable, and as deep as it says', (t) => {
  const name = fc.oneof(fc.string({ unit: 'binary', maxLength: 600 }), fc.constantFrom('>', '%', '\ud800', 'ab>c'));
  fc.assert(
    fc.property(fc.array(name, { maxLength: 12 }), (actors) => {
      const { attributes } = attributesOf({ actors });
      const chain = String(attributes['postern.delegation.chain']);
      if (Buffer.byteLength(chain) > maxChain) throw new Error(`${Buffer.byteLength(chain)} bytes`);
      if (!/^>([\x21-\x24\x26-\x3d\x3f-\x7e]|%[0-9A-F]{2}|>)*(…>)?$/.test(chain)) throw new Error(chain);
      if (attributes['postern.delegation.depth'] !== actors.length) throw new Error('depth');
      const cut = attributes['postern.delegation.truncated'] === true;
      const members = chain.split('>').length - 2;
      if (!cut && members !== actors.length + 1) throw new Error(`${members} members`);
    }),
    { seed: 1, numRuns: 60 },
  );
  t.pass('held for all');
  t.end();
});

test('over the wire the three spans of a hop carry the same chain', async (t) => {
  const world = await telemetryWorld(t);
  carryOut(world.telemetry.observe, { actors: [coder, planner], jti: canaries.rawJti });
  const spans = await world.spans();
  t.equal(spans.length, 3);
  const chains = new Set(spans.map((span) => span.attributes['postern.delegation.chain']));
  t.equal(chains.size, 1);
  for (const { attributes, name } of spans) {
    t.strictSame(attributes['postern.delegation.actors'], [planner, coder], name);
    t.equal(attributes['postern.delegation.id'], 'issued-id-hash', name);
    t.match(String(attributes['postern.delegation.parent_id']), /^[0-9a-f]{16}$/, name);
  }
});

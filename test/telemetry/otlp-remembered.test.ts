// What is remembered of attributes is what encoding them anew would give: nothing of one call may stand on another's span.

import fc from 'fast-check';
import { test } from 'tap';
import { type AttributeWriter, attributesInto } from '../../src/telemetry/otlp-attributes.ts';
import { rememberingInto } from '../../src/telemetry/otlp-remembered.ts';
import { createWriter } from '../../src/telemetry/otlp-writer.ts';

const tag = (9 << 3) | 2;
const valueLength = 300;
const names = ['a', 'b', 'c'] as const;

/** The same attributes, told to a writer that remembers and to one that does not. */
function both() {
  const [one, other] = [createWriter(), createWriter()];
  const remembering = rememberingInto(one, tag, valueLength);
  const plain = attributesInto(other, tag, valueLength);
  return (write: (to: AttributeWriter) => void) => {
    one.begin();
    other.begin();
    write(remembering);
    write(plain);
    return { remembered: one.end().toString('hex'), encoded: other.end().toString('hex') };
  };
}

const text = fc.oneof(
  fc.constantFrom('', 'x', 'stop', 'tool_calls', 'é', '→'.repeat(40), 'y'.repeat(400), '😀'.repeat(9), '\ud800'),
  fc.string({ unit: 'binary', maxLength: 60 }).map((value) => value.replaceAll('\n', ' ')),
);
const scalar = fc.oneof(text, fc.boolean(), fc.constant(undefined), fc.integer(), fc.double({ noNaN: true }));
const owners = [{}, {}];

test('whatever is told in whatever order, the bytes are the same', (t) => {
  const told = both();
  const step = fc.oneof(
    fc.record({ few: scalar, list: fc.constant(false) }),
    fc.record({ few: fc.array(text, { minLength: 1, maxLength: 4 }), list: fc.constant(true) }),
    fc.record({ alike: fc.tuple(scalar, fc.integer({ min: 0, max: 5 }), fc.boolean()), owner: fc.nat(1) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const { remembered, encoded } = told((to) => {
        for (const each of steps) {
          if ('alike' in each) to.alike(owners[each.owner] ?? {}, names, each.alike);
          else to.few(each.list ? 'list' : 'text', each.few, (value) => value.toUpperCase());
        }
      });
      return remembered === encoded;
    }),
    { seed: 1, numRuns: 400 },
  );
  t.end();
});

test('more combinations and values than are remembered', (t) => {
  const told = both();
  for (let round = 0; round < 2; round += 1) {
    for (let n = 0; n < 300; n += 1) {
      const { remembered, encoded } = told((to) => {
        to.alike(names, names, [n, 'same', undefined]);
        to.few('n', `value ${n}`);
      });
      if (remembered !== encoded) t.fail(`combination ${n}`);
    }
  }
  t.end();
});

test('what follows from an object is written once for each of its parts', (t) => {
  const told = both();
  const of = { id: 1 };
  let written = 0;
  for (let n = 0; n < 3; n += 1) {
    const { remembered, encoded } = told((to) => {
      to.shared('one', of, (each, { id }) => {
        written += 1;
        each.set('id', id);
      });
      to.shared('other', of, (each) => each.set('other', true));
    });
    t.equal(remembered, encoded);
  }
  t.equal(written, 1 + 3, 'once where it is remembered, each time where it is not');
  t.end();
});

// What is remembered by a text: the same whatever the order of asking, and bounded. What it was cut out of: security/remembered-texts.

import fc from 'fast-check';
import { test } from 'tap';
import { byText } from '../../src/base/by-text.ts';

interface Counted {
  readonly of: (text: string) => { readonly text: string };
  made(): number;
}

function counting(): Counted {
  let made = 0;
  const of = byText((text) => {
    made += 1;
    return { text };
  });
  return { of, made: () => made };
}

test('texts in the order of last time, and in any other', (t) => {
  const text = fc.constantFrom('host', 'accept', 'x-a', 'x-b', '', 'a'.repeat(64), 'a'.repeat(65));
  fc.assert(
    fc.property(fc.array(text, { maxLength: 40 }), (asked) => {
      const { of, made } = counting();
      for (const each of [...asked, ...asked]) if (of(each).text !== each) return false;
      const [long, short] = [
        asked.filter((each) => each.length > 64),
        new Set(asked.filter((each) => each.length <= 64)),
      ];
      return made() === short.size + 2 * long.length;
    }),
    { seed: 1, numRuns: 500 },
  );
  t.pass();
  t.end();
});

test('whoever sends ever new names makes it forget, and no more', (t) => {
  const { of, made } = counting();
  of('host');
  for (let i = 0; i < 511; i += 1) of(`x-${i}`);
  of('host');
  t.equal(made(), 512, 'all are remembered');

  of('one more');
  of('host');
  of('x-0');

  t.equal(made(), 515, 'all were forgotten');
  t.equal(of('host').text, 'host');
  t.end();
});

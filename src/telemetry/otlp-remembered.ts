// Attributes that come again: encoded once, then copied. Encoding all of them anew took 50 us of a call with two spans, finding
// each by itself 3 us; what comes together is found together.
// Must never hand out what was remembered for other values than those told, nor grow with what callers send.

import {
  type AlikeValue,
  type AttributeBlock,
  type AttributeWriter,
  attributesInto,
  createBlocks,
  type FewValue,
} from './otlp-attributes.ts';
import type { ProtoWriter } from './otlp-writer.ts';

/** Values remembered of one name; others are encoded each time, so that no caller can fill memory with them. */
const maxFew = 128;

/** Longest text or list of texts that is remembered, in characters. */
const maxFewText = 256;

/** Combinations remembered of one object, the oldest given up first: they are compared one by one. */
const maxAlike = 32;

interface Alike {
  readonly values: readonly AlikeValue[];
  readonly block: AttributeBlock;
}

/** The attributes of a writer, and what it remembers of them. */
export function rememberingInto(writer: ProtoWriter, tag: number, valueLength: number): AttributeWriter {
  const encode = createBlocks(tag, valueLength);
  const plain = attributesInto(writer, tag, valueLength);
  const fewOf = new Map<string, Map<AlikeValue, AttributeBlock>>();
  const parts = new Map<string, WeakMap<object, AttributeBlock>>();
  const alikeOf = new Map<readonly string[], WeakMap<object, Alike[]>>();

  return {
    ...plain,
    few(name, value, spell) {
      if (value === undefined) return;
      const key = keyOf(value);
      const values = entry(fewOf, name, () => new Map<AlikeValue, AttributeBlock>());
      const known = values.get(key);
      if (known !== undefined) {
        plain.block(known);
        return;
      }
      plain.few(name, value, spell);
      if (values.size >= maxFew || (typeof key === 'string' && key.length > maxFewText)) return;
      values.set(
        key,
        encode((to) => to.few(name, value, spell)),
      );
    },
    alike(of, names, values) {
      const known = entry(
        entry(alikeOf, names, () => new WeakMap<object, Alike[]>()),
        of,
        (): Alike[] => [],
      );
      for (const one of known) {
        if (!same(one.values, values)) continue;
        plain.block(one.block);
        return;
      }
      if (known.length >= maxAlike) known.shift();
      const block = encode((to) => to.alike(of, names, values));
      plain.block(block);
      known.push({ values, block });
    },
    shared(part, of, write) {
      const blocks = entry(parts, part, () => new WeakMap<object, AttributeBlock>());
      plain.block(entry(blocks, of, () => encode(write)));
    },
  };
}

/** Lists by their items: a name is told texts or lists, never both, and no item of a few has a line break in it. */
function keyOf(value: Exclude<FewValue, undefined>): AlikeValue {
  if (typeof value !== 'object') return value;
  return value.length === 1 ? value[0] : value.join('\n');
}

function same(a: readonly AlikeValue[], b: readonly AlikeValue[]): boolean {
  for (let i = 0; i < b.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}

/** What `map` has for `key`, made where it has nothing yet. */
function entry<K, V>(map: { get(key: K): V | undefined; set(key: K, value: V): unknown }, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

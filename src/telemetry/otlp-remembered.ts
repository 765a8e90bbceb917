// Attributes that come again: encoded once, then copied. Encoding all of them anew took 50 us of a call with two spans, finding
// each by itself 3 us; what comes together is found together.
// Must never hand out what was remembered for other values than those told, nor grow with what callers send.

import { ownText } from '../base/own-text.ts';
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

interface Known extends AttributeBlock {
  readonly key: AlikeValue;
}

/** What is remembered of one name. */
interface Few {
  readonly known: Map<AlikeValue, Known>;
  /** Most values come several times in a row, and comparing is less than looking up. */
  last: Known | undefined;
}

interface Alike {
  readonly values: readonly AlikeValue[];
  readonly block: AttributeBlock;
}

/** The attributes of a writer, and what it remembers of them. */
export function rememberingInto(writer: ProtoWriter, tag: number, valueLength: number): AttributeWriter {
  const encode = createBlocks(tag, valueLength);
  const plain = attributesInto(writer, tag, valueLength);
  const fewOf = new Map<string, Few>();
  const parts = new Map<string, WeakMap<object, AttributeBlock>>();
  const alikeOf = new Map<readonly string[], WeakMap<object, Alike[]>>();

  // What has to be encoded has functions of its own: a function that makes a closure takes memory for it whether it gets there
  // or not (1.2 KB of a sampled call).
  function encodeFew({ known }: Few, key: AlikeValue, ...told: Parameters<AttributeWriter['few']>): void {
    plain.few(...told);
    if (known.size >= maxFew || (typeof key === 'string' && key.length > maxFewText)) return;
    // A path may have been cut out of a target with a credential in its query.
    const own = typeof key === 'string' ? ownText(key) : key;
    const { bytes } = encode((to) => to.few(...told));
    known.set(own, { key: own, bytes });
  }

  function encodeAlike(known: Alike[], ...told: Parameters<AttributeWriter['alike']>): AttributeBlock {
    if (known.length >= maxAlike) known.shift();
    const block = encode((to) => to.alike(...told));
    known.push({ values: told[2], block });
    return block;
  }

  function encodeShared<T extends object>(
    blocks: WeakMap<object, AttributeBlock>,
    of: T,
    write: (to: AttributeWriter, of: T) => void,
  ): AttributeBlock {
    const block = encode((to) => write(to, of));
    blocks.set(of, block);
    return block;
  }

  return {
    ...plain,
    few(name, value, spell) {
      if (value === undefined) return;
      const key = keyOf(value);
      const of = fewOf.get(name) ?? put(fewOf, name, { known: new Map(), last: undefined });
      if (of.last === undefined || of.last.key !== key) of.last = of.known.get(key);
      if (of.last === undefined) encodeFew(of, key, name, value, spell);
      else plain.block(of.last);
    },
    alike(of, names, values) {
      const lists = alikeOf.get(names) ?? put(alikeOf, names, new WeakMap<object, Alike[]>());
      const known = lists.get(of) ?? put(lists, of, []);
      for (const one of known) {
        if (!same(one.values, values)) continue;
        plain.block(one.block);
        return;
      }
      plain.block(encodeAlike(known, of, names, values));
    },
    shared(part, of, write) {
      const blocks = parts.get(part) ?? put(parts, part, new WeakMap<object, AttributeBlock>());
      plain.block(blocks.get(of) ?? encodeShared(blocks, of, write));
    },
  };
}

/** Lists by their items: a name is told texts or lists, never both, and no item has a line break in it. */
function keyOf(value: Exclude<FewValue, undefined>): AlikeValue {
  if (typeof value !== 'object') return value;
  return value.length === 1 ? value[0] : value.join('\n');
}

function same(a: readonly AlikeValue[], b: readonly AlikeValue[]): boolean {
  for (let i = 0; i < b.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}

function put<K, V>(map: { set(key: K, value: V): unknown }, key: K, value: V): V {
  map.set(key, value);
  return value;
}

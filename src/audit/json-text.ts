// Members of records as JSON text, the very text that JSON.stringify makes of them, without an object made for each record:
// that took half of the 12 us a record cost. Text that came from outside must come through `outside`.

import { bounded } from '../base/bounded.ts';

/** Nothing to escape, nothing unprintable: most text. */
const plain = /^[ !#-[\]-~]*$/;

export function quoted(text: string): string {
  return plain.test(text) ? `"${text}"` : JSON.stringify(text);
}

/** Text an agent, an issuer or an upstream wrote: at most so many characters, and printable. */
export function outside(text: string, most: number): string {
  return text.length <= most && plain.test(text) ? `"${text}"` : JSON.stringify(bounded(text, most));
}

/** @param name with what goes before the value: `,"name":` */
export function optional(name: string, text: string | undefined): string {
  return text === undefined ? '' : name + quoted(text);
}

export function optionalOutside(name: string, text: string | undefined, most: number): string {
  return text === undefined ? '' : name + outside(text, most);
}

/** A list of texts from outside: the first so many of them. */
export function listed(texts: readonly string[], most: number, length: number): string {
  let list = '';
  for (const text of texts.length > most ? texts.slice(0, most) : texts) {
    list += `${list === '' ? '' : ','}${outside(text, length)}`;
  }
  return `[${list}]`;
}

export function numeral(value: number): string {
  return Number.isFinite(value) ? `${value}` : 'null';
}

/** JSON text of an object's members, without its braces. */
export function membersOf(record: object): string {
  return JSON.stringify(record).slice(1, -1);
}

/** The same, behind others. */
export function moreOf(record: object): string {
  const members = membersOf(record);
  return members === '' ? '' : `,${members}`;
}

/** The same text in one piece. As it was joined it is a tree, whose branches lie apart and are all read again with each use. */
export function flat(text: string): string {
  return Buffer.from(text).toString();
}

// What the value of a header field may hold (RFC 9110 section 5.5), and values that are known to hold nothing else: a token goes out
// with every call, and checking each of its thousand characters took 1 us of every one.
// Must never mark a value that was not looked at to its last character.

import { Http1Fault } from './fault.ts';

declare const isFieldValue: unique symbol;

/** A text that {@link toFieldValue} found to be a field value. */
export type FieldValue = string & { readonly [isFieldValue]: true };

/** Control characters other than tab, and what is no byte. */
const notInValue = /[^\t\x20-\x7e\x80-\xff]/;

/** @throws Http1Fault REQUEST_MALFORMED */
export function toFieldValue(text: string): FieldValue {
  if (notInValue.test(text)) throw new Http1Fault('REQUEST_MALFORMED');
  // The one place that says so, right after it was found.
  return text as FieldValue;
}

// What the name of a field and a method are made of (RFC 9110 section 5.6.2): with anything else in it a line means something else to
// some parser. Must never take an empty text, a space or a colon.

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export function isToken(text: string): boolean {
  return token.test(text);
}

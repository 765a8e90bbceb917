// A text that is kept for longer than what it was cut out of. For V8 a part of a text is a reference to all of it, from thirteen
// characters on: a name or a path that is remembered would keep the credentials that stood beside it.
// Must never give back the part itself.

export function ownText(text: string): string {
  return Buffer.from(text, 'utf16le').toString('utf16le');
}

// What may be told of a failure of the system or of a library: its code, such as ENOENT, else the name of its kind.
// Must never be its message, which may quote a path, an answer or a key.

/** `unknown` for what is no Error. A code is text as Node and undici give it; a DOMException has a number there, and its name tells. */
export function errorCode(failure: unknown): string {
  if (!(failure instanceof Error)) return 'unknown';
  return 'code' in failure && typeof failure.code === 'string' ? failure.code : failure.name;
}

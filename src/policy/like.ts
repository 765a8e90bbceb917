// `text.like("pattern")`: `*` stands for any run of characters, everything else for itself.
// The policy language has this instead of CEL's `matches`, which here would be a backtracking regular expression run on
// text the agent chose (ReDoS). Each part of the pattern is searched once, left to right; nothing is ever retried.

/** Whether the whole of `text` matches `pattern`. */
export function like(text: string, pattern: string): boolean {
  const parts = pattern.split('*');
  const first = parts[0] ?? '';
  if (parts.length === 1) return text === pattern;
  const last = parts[parts.length - 1] ?? '';
  const end = text.length - last.length;
  if (end < first.length || !text.startsWith(first) || !text.endsWith(last)) return false;

  let from = first.length;
  for (const part of parts.slice(1, -1)) {
    const found = text.indexOf(part, from);
    if (found === -1) return false;
    from = found + part.length;
  }
  return from <= end;
}

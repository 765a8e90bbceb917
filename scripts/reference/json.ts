// JSON as the repository's formatter writes it: one entry a line, but a list of plain values on one line where it fits.
// So that a generated file passes the same check as a written one.

const lineWidth = 120;

/**
 * @param column where the value starts on its line.
 * @param comma whether a comma follows it, which must fit the line too.
 */
export function formatJson(value: unknown, indent = '', column = 0, comma = false): string {
  const within = `${indent}  `;
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]';
    const flat = `[${value.map((item) => JSON.stringify(item)).join(', ')}]`;
    if (value.every(isPlain) && column + flat.length + (comma ? 1 : 0) <= lineWidth) return flat;
    const lines = value.map((item, index) => formatJson(item, within, within.length, index < value.length - 1));
    return bracketed('[', lines, ']', indent);
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).filter(([, entry]) => entry !== undefined);
  if (entries.length === 0) return '{}';
  const lines = entries.map(([key, entry], index) => {
    const name = `${JSON.stringify(key)}: `;
    return name + formatJson(entry, within, within.length + name.length, index < entries.length - 1);
  });
  return bracketed('{', lines, '}', indent);
}

function bracketed(open: string, lines: readonly string[], close: string, indent: string): string {
  return [open, lines.map((line) => `${indent}  ${line}`).join(',\n'), `${indent}${close}`].join('\n');
}

function isPlain(value: unknown): boolean {
  return typeof value !== 'object' || value === null;
}

// A section of results as text: one line for each proxy, or the figures of the whole.

import type { Section } from './main.ts';

export function renderSection({ title, result }: Section): string {
  const { rows, ...rest } = result as { rows?: readonly object[] };
  const lines = [`## ${title}`];
  if (rows !== undefined && rows.length > 0) lines.push(...renderRows(rows));
  for (const [name, value] of Object.entries(rest)) lines.push(`${name}: ${format(value)}`);
  return `${lines.join('\n')}\n`;
}

function renderRows(rows: readonly object[]): string[] {
  const names = Object.keys(rows[0] ?? {}).filter((name) => name !== 'rounds');
  const table = [names, ...rows.map((row) => names.map((name) => format(new Map(Object.entries(row)).get(name))))];
  const widths = names.map((_name, column) => Math.max(...table.map((line) => line[column]?.length ?? 0)));
  return table.map((line) =>
    line
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  '),
  );
}

function format(value: unknown): string {
  if (typeof value !== 'number') return String(value);
  if (Number.isInteger(value)) return String(value);
  return value.toFixed(Math.abs(value) < 10 ? 2 : 1);
}

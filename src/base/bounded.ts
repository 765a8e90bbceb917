// Text from outside, made fit for a span, a label or a log line: bounded and printable.
// Must never be skipped for anything an agent, an issuer or an upstream wrote: unbounded attributes fill queues and disks,
// control characters forge log lines.

/** Characters that can break a line, a terminal or a reader's trust in what stands where (bidirectional overrides). */
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;
const everyUnprintable = new RegExp(unprintable, 'g');

/** Whether nothing of it would be replaced by {@link bounded}. */
export function isPrintable(text: string): boolean {
  return !unprintable.test(text);
}

/** At most `most` characters, control characters replaced by spaces. */
export function bounded(text: string, most: number): string {
  const short = text.length > most ? text.slice(0, most) : text;
  return short.replace(everyUnprintable, ' ');
}

export function boundedOptional(text: string | undefined, most: number): string | undefined {
  return text === undefined ? undefined : bounded(text, most);
}

/** The first `most` items, each bounded. */
export function boundedList(texts: readonly string[], most: number, length: number): string[] {
  const kept = texts.length > most ? texts.slice(0, most) : texts;
  return kept.map((text) => bounded(text, length));
}

// Documents in what was kept of an application/vnd.amazon.eventstream answer (Bedrock): JSON stands in its binary frames, as it
// is (Converse) or in base64 (InvokeModel). Frames are not decoded: what the window cut in two counts for nothing.
// Takes only what could hold counts; a model's words are not looked at.

/** Chunks looked at, from the end: usage comes last. */
const maxChunks = 8;

/** Longest chunk decoded, in characters: the last ones are small. */
const maxChunk = 16_384;

const chunk = new RegExp(`"bytes":"([A-Za-z0-9+/=]{4,${maxChunk}})"`, 'g');

/** @returns texts of JSON documents, first to last */
export function chunksOf(frames: string): readonly string[] {
  const chunks = [...frames.matchAll(chunk)].slice(-maxChunks);
  return chunks.map(([, encoded = '']) => Buffer.from(encoded, 'base64').toString('utf8'));
}

/** Counts that Bedrock tells of an answer as a whole, in headers (InvokeModel). */
export function countsOf(headers: readonly string[]): Readonly<Record<string, number>> | undefined {
  const counts: Record<string, number> = {};
  for (let at = 0; at < headers.length; at += 2) {
    const name = headers[at];
    if (name?.length !== 32 && name?.length !== 33) continue;
    const [, which] = /^x-amzn-bedrock-(input|output)-token-count$/i.exec(name) ?? [];
    const value = headers[at + 1] ?? '';
    if (which !== undefined && /^\d{1,12}$/.test(value)) counts[`${which.toLowerCase()}Tokens`] = Number(value);
  }
  return Object.keys(counts).length === 0 ? undefined : counts;
}

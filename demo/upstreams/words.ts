// The "model" of the demo: no randomness, no network, the same answer for the same words. Texts are split into pieces as a
// tokenizer would, embeddings are hashed bags of words, so that texts which share words are near each other.

import { hash } from 'node:crypto';

/** Dimensions of an embedding unless a request asks for another number. */
export const embeddingSize = 32;

/** What a model answers here: it repeats what it was asked, in a form that a reader recognises. */
export function answerTo(question: string): string {
  const subject = question.replace(/\s+/g, ' ').trim().slice(0, 160);
  return `Here is a short answer about: ${subject}`;
}

/** Pieces of a text, each with the space before it: joined they are the text again. */
export function piecesOf(text: string): string[] {
  return text.match(/\s*\S+/g) ?? [];
}

export function countTokens(text: string): number {
  return piecesOf(text).length;
}

/** A unit vector of hashed words. */
export function embed(text: string, size = embeddingSize): number[] {
  const vector = new Array<number>(size).fill(0);
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []) {
    const digest = Buffer.from(hash('sha256', word, 'hex'), 'hex');
    const slot = digest.readUInt32BE(0) % size;
    vector[slot] = (vector[slot] ?? 0) + (digest.readUInt8(4) % 2 === 0 ? 1 : -1);
  }
  const norm = Math.hypot(...vector);
  return norm === 0 ? vector : vector.map((value) => value / norm);
}

/** Cosine similarity of two vectors. */
export function similarity(left: readonly number[], right: readonly number[]): number {
  const dot = left.reduce((sum, value, index) => sum + value * (right[index] ?? 0), 0);
  const norms = Math.hypot(...left) * Math.hypot(...right);
  return norms === 0 ? 0 : dot / norms;
}

// Measures small functions: batches of about two milliseconds, taken in turn over all functions, so that a moment of noise hits
// all of them alike. The least and the median of many batches are told; the least is what the code costs undisturbed.

import { median } from '../statistics.ts';

export interface Subject {
  readonly name: string;
  /** One operation; a promise is waited for. */
  readonly run: () => unknown;
  /** Does what operations left for later: without it a queue is full soon, and dropping is measured. Not timed. */
  readonly settle?: () => Promise<void>;
}

export interface Measured {
  readonly name: string;
  /** Microseconds per operation. */
  readonly least: number;
  readonly median: number;
}

const batchMs = 2;

/** @param batches measured of each, after as many again to warm up */
export async function measureAll(subjects: readonly Subject[], batches: number): Promise<readonly Measured[]> {
  const prepared: { subject: Subject; size: number; took: number[] }[] = [];
  for (const subject of subjects) prepared.push({ subject, size: await sizeOf(subject), took: [] });
  for (let batch = 0; batch < batches * 2; batch += 1) {
    for (const { subject, size, took } of prepared) {
      const each = await timeOf(subject, size);
      if (batch >= batches) took.push(each);
    }
  }
  return prepared.map(({ subject, took }) => ({
    name: subject.name,
    least: Math.min(...took),
    median: median(took),
  }));
}

/** How many operations fill a batch, once the code is warm. */
async function sizeOf(subject: Subject): Promise<number> {
  let each = 0;
  for (let size = 16; size <= 4_096; size *= 4) each = await timeOf(subject, size);
  return Math.max(4, Math.round((batchMs * 1_000) / each));
}

async function timeOf({ run, settle }: Subject, size: number): Promise<number> {
  const began = process.hrtime.bigint();
  for (let i = 0; i < size; i += 1) {
    const result = run();
    if (result instanceof Promise) await result;
  }
  const took = process.hrtime.bigint() - began;
  await settle?.();
  return Number(took) / 1_000 / size;
}

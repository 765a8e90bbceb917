// What an open stream of events takes: the heap with some streams open, and with more, everything collected that can be.

import { connect, type Socket } from 'node:net';
import { heapBytes } from '../heap.ts';
import { pause } from '../rounds.ts';
import { chatRequest } from '../servers/answers.ts';
import type { StartVariant, Variant } from '../variants.ts';
import { freePort, type World } from '../world.ts';
import { chatHeaders } from './posts.ts';

/** Open before the first look, and opened until the second: what is made once is in both. */
const first = 400;
const more = 900;

/** Streams that never end while they are looked at, an event every 300 ms. */
const target = '/stream/v1/chat/completions?events=100000&every=300';

export interface StreamMemoryRow {
  readonly name: string;
  /** Heap and buffers of each open stream, in KiB. */
  readonly kibPerStream: number;
  readonly ratio: number;
  readonly failures: number;
}

/** @param startOf makes a proxy with flags of node */
export async function streamMemory(
  world: World,
  startOf: readonly ((flags: readonly string[]) => StartVariant)[],
): Promise<readonly StreamMemoryRow[]> {
  const rows: StreamMemoryRow[] = [];
  for (const start of startOf) {
    const port = await freePort();
    const variant = await start([`--inspect=127.0.0.1:${port}`])(world);
    try {
      const { kibPerStream, failures } = await measureOne(world, variant, port);
      rows.push({
        name: variant.name,
        kibPerStream,
        ratio: kibPerStream / (rows[0]?.kibPerStream ?? kibPerStream),
        failures,
      });
    } finally {
      await variant.stop();
    }
  }
  return rows;
}

async function measureOne(world: World, variant: Variant, port: number) {
  const opened: Opened = { sockets: [], streaming: 0 };
  try {
    await open(world, variant, opened, first);
    const before = await heapBytes(port);
    await open(world, variant, opened, more);
    const after = await heapBytes(port);
    return { kibPerStream: (after - before) / more / 1_024, failures: first + more - opened.streaming };
  } finally {
    for (const socket of opened.sockets) socket.destroy();
  }
}

interface Opened {
  readonly sockets: Socket[];
  /** Those whose answer has begun well. */
  streaming: number;
}

async function open(world: World, { url }: Variant, opened: Opened, count: number): Promise<void> {
  const { hostname, port, host } = new URL(url);
  const body = JSON.stringify({ ...(JSON.parse(chatRequest(1_024)) as object), stream: true });
  const lines = Object.entries(chatHeaders(world)).map(([name, value]) => `${name}: ${value}\r\n`);
  const request = `POST ${target} HTTP/1.1\r\nhost: ${host}\r\n${lines.join('')}content-length: ${body.length}\r\n\r\n${body}`;
  for (let i = 0; i < count; i += 1) {
    const socket = connect(Number(port), hostname, () => socket.write(request));
    socket.once('data', (bytes: Buffer) => {
      if (bytes.toString('latin1', 0, 12) === 'HTTP/1.1 200') opened.streaming += 1;
      socket.resume();
    });
    socket.on('error', () => {});
    opened.sockets.push(socket);
    // Not all connections at once: they would wait to be accepted.
    if (i % 50 === 49) await pause(30);
  }
  await pause(4_000);
}

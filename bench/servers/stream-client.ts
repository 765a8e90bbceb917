// Opens streams on bare sockets and notes how old each event is when it arrives. A tenth of the streams is left before its end,
// as agents do: a proxy that does not tell its upstream leaves sockets open there.

import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { percentile } from '../statistics.ts';
import { machineMicroseconds } from './answers.ts';

interface Orders {
  readonly url: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly streams: number;
}

// Written by our own parent a moment ago.
const orders = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Orders;
const { hostname, port, host } = new URL(orders.url);
const lines = Object.entries(orders.headers).map(([name, value]) => `${name}: ${value}`);
const request = `POST ${orders.target} HTTP/1.1\r\nhost: ${host}\r\n${lines.join('\r\n')}\r\ncontent-length: ${Buffer.byteLength(orders.body)}\r\n\r\n${orders.body}`;
const stamp = Buffer.from('"at":');
const ages: number[] = [];
let events = 0;
let failures = 0;

function open(index: number): Promise<void> {
  return new Promise((resolve) => {
    const leaves = index % 10 === 9;
    let seen = 0;
    const socket = connect(Number(port), hostname, () => socket.write(request));
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      if (seen === 0 && !chunk.toString('latin1', 0, 12).endsWith('200') && chunk.toString('latin1', 0, 4) === 'HTTP')
        failures += 1;
      const now = machineMicroseconds();
      for (let at = chunk.indexOf(stamp); at !== -1; at = chunk.indexOf(stamp, at + 5)) {
        const end = chunk.indexOf('}', at);
        if (end === -1) break;
        ages.push(now - Number(chunk.toString('latin1', at + 5, end)));
        events += 1;
        seen += 1;
      }
      if (chunk.includes('[DONE]') || (leaves && seen >= 5)) socket.destroy();
    });
    socket.on('error', () => {
      failures += 1;
    });
    socket.on('close', () => resolve());
  });
}

const opened: Promise<void>[] = [];
for (let index = 0; index < orders.streams; index += 1) {
  opened.push(open(index));
  // Not all connections at once: that would measure the accept queue.
  if (index % 50 === 49) await new Promise((resolve) => setTimeout(resolve, 10));
}
await Promise.all(opened);
const at = (share: number) => Math.round(percentile(ages, share));
process.stdout.write(JSON.stringify({ events, failures, p50: at(0.5), p99: at(0.99) }));

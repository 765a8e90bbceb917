// The load generator used where wrk is not installed: keep-alive connections on bare sockets, one request at a time on each.

import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Work } from '../load.ts';

const headEnd = Buffer.from('\r\n\r\n');

interface Orders extends Work {
  readonly seconds: number;
  readonly connections: number;
}

// Written by our own parent a moment ago.
const orders = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Orders;
const { hostname, port, pathname, host } = new URL(orders.url);
const subjects = orders.subjects === undefined ? [] : readFileSync(orders.subjects, 'utf8').split('\n');
const requests =
  subjects.length === 0 ? [requestFor({})] : subjects.map((token) => requestFor({ 'postern-subject-token': token }));

let turn = 0;
let done = 0;
let failures = 0;
const took: number[] = [];
const began = performance.now();
const end = began + orders.seconds * 1_000;

await Promise.all(Array.from({ length: orders.connections }, () => drive()));
took.sort((a, b) => a - b);
const at = (share: number) => Math.round(took[Math.floor(took.length * share)] ?? 0);
const seconds = (performance.now() - began) / 1_000;
process.stdout.write(`${JSON.stringify({ requests: done, failures, seconds, p50: at(0.5), p99: at(0.99) })}\n`);

function requestFor(more: Record<string, string>): Buffer {
  const lines = Object.entries({ ...orders.headers, ...more }).map(([name, value]) => `${name}: ${value}`);
  const length = Buffer.byteLength(orders.body);
  return Buffer.from(
    `POST ${pathname} HTTP/1.1\r\nhost: ${host}\r\n${lines.join('\r\n')}\r\ncontent-length: ${length}\r\n\r\n${orders.body}`,
  );
}

function drive(): Promise<void> {
  return new Promise((resolve) => {
    let started = 0;
    let missing = -1;
    const socket = connect(Number(port), hostname, send);
    socket.setNoDelay(true);
    function send(): void {
      if (performance.now() >= end) {
        socket.destroy();
        resolve();
        return;
      }
      started = performance.now();
      socket.write(requests[turn++ % requests.length] ?? '');
    }
    socket.on('data', (chunk: Buffer) => {
      if (missing === -1) {
        const head = chunk.indexOf(headEnd);
        const text = chunk.toString('latin1', 0, head);
        const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
        if (!text.startsWith('HTTP/1.1 200')) failures += 1;
        missing = Number(length ?? '0') - (chunk.length - head - headEnd.length);
      } else missing -= chunk.length;
      if (missing > 0) return;
      missing = -1;
      done += 1;
      took.push((performance.now() - started) * 1_000);
      send();
    });
    socket.on('error', () => {
      failures += 1;
      resolve();
    });
  });
}

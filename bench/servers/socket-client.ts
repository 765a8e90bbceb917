// Ping-pong over WebSockets for a while: each socket sends its next message when the last one has come back.

import { readFileSync } from 'node:fs';
import { WebSocket } from 'ws';

interface Orders {
  readonly url: string;
  readonly headers: Record<string, string>;
  readonly seconds: number;
  readonly sockets: number;
}

// Written by our own parent a moment ago.
const orders = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as Orders;
const message = Buffer.alloc(200, 'x');
let roundTrips = 0;
let failures = 0;
let stopping = false;

function play(): Promise<void> {
  return new Promise((resolve) => {
    const socket = new WebSocket(orders.url, { headers: orders.headers, perMessageDeflate: false });
    socket.on('open', () => socket.send(message));
    socket.on('message', () => {
      roundTrips += 1;
      if (stopping) socket.terminate();
      else socket.send(message);
    });
    socket.on('error', () => {
      failures += 1;
    });
    socket.on('close', () => resolve());
  });
}

setTimeout(() => {
  stopping = true;
}, orders.seconds * 1_000);
setTimeout(() => process.exit(1), orders.seconds * 1_000 + 10_000).unref();
await Promise.all(Array.from({ length: orders.sockets }, () => play()));
process.stdout.write(JSON.stringify({ roundTrips, failures }));

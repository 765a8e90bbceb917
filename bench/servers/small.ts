// An HTTP/1.1 server as lean as Node allows, on bare sockets: reads each request whole, answers always the same. It stands
// beside the load generator on the second core, so that the proxy is what runs out first. For trusted input only.

import { createServer, type Socket } from 'node:net';

const headEnd = Buffer.from('\r\n\r\n');

/** Starts it on a free port. @param counted called for each request with the length of its body */
export function startSmallServer(answer: Buffer, counted: (bytes: number) => void = () => {}): Promise<number> {
  const server = createServer({ noDelay: true }, (socket) => serve(socket, answer, counted));
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
  });
}

function serve(socket: Socket, answer: Buffer, counted: (bytes: number) => void): void {
  let pending: Buffer | undefined;
  /** Bytes of the current body still to come. */
  let remaining = 0;
  let length = 0;

  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    let bytes = pending === undefined ? chunk : Buffer.concat([pending, chunk]);
    pending = undefined;
    for (;;) {
      if (remaining > 0) {
        const taken = Math.min(remaining, bytes.length);
        remaining -= taken;
        bytes = bytes.subarray(taken);
        if (remaining > 0) return;
        counted(length);
        socket.write(answer);
      }
      if (bytes.length === 0) return;
      const end = bytes.indexOf(headEnd);
      if (end === -1) {
        pending = bytes;
        return;
      }
      length = contentLength(bytes.toString('latin1', 0, end));
      remaining = length;
      bytes = bytes.subarray(end + headEnd.length);
      if (length > 0) continue;
      counted(0);
      socket.write(answer);
    }
  });
}

function contentLength(head: string): number {
  const match = /\r\ncontent-length: *(\d+)/i.exec(head);
  return match === null ? 0 : Number(match[1]);
}

/** A whole response with its framing. */
export function response(lines: readonly string[], body: string): Buffer {
  return Buffer.from(`HTTP/1.1 200 OK\r\n${lines.join('\r\n')}\r\ncontent-length: ${body.length}\r\n\r\n${body}`);
}

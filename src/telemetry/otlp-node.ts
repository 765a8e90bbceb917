// OTLP requests by Node's own client: over TLS, with the certificates of the agent it is given, and with headers that our own client
// does not let others write. Must never read an answer without bound.

import type { Agent, IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { request as httpRequest } from '../base/node-http.ts';
import { type Answered, maxAnswer, type Way } from './otlp-way.ts';

export function createNodeWay(target: URL, agent: Agent): Way {
  const request = target.protocol === 'https:' ? httpsRequest : httpRequest;

  return function send(fields, body) {
    const { promise: answered, resolve, reject } = Promise.withResolvers<Answered>();
    try {
      const headers = { ...Object.fromEntries(fields), 'content-length': body.length };
      const sent = request(target, { method: 'POST', agent, headers });
      sent.on('error', reject);
      sent.on('response', (response) => {
        // What breaks now is told by the answer, whose status stands.
        sent.off('error', reject).on('error', () => {});
        void readAnswer(response).then(resolve, reject);
      });
      // Without a listener Node ends the connection and tells nobody: the batch would be on its way for ever.
      sent.on('upgrade', (_answer, socket) => {
        socket.destroy();
        resolve({ status: 101, retryAfter: undefined, body: undefined });
      });
      sent.end(body);
      return { answered, end: (why) => void sent.destroy(why) };
    } catch (failure) {
      // A header that cannot be sent.
      reject(failure);
      return { answered, end: () => {} };
    }
  };
}

async function readAnswer(response: IncomingMessage): Promise<Answered> {
  const { statusCode: status = 0 } = response;
  const body = await bodyOf(response).catch(() => undefined);
  return { status, retryAfter: response.headers['retry-after'], body };
}

/** Rejects, ending the connection, for an answer that is too large. */
async function bodyOf(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) continue;
    length += chunk.length;
    if (length > maxAnswer) throw new RangeError('the answer is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

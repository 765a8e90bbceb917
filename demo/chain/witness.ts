// Keeps every value an agent ever received: headers and body of each call in to it, headers and body of each answer to a call
// out. What is not in here, the agent never had. Must leave what passes as it is.

import type { IncomingMessage } from 'node:http';
import { readBody } from '../upstreams/serve.ts';

export interface Witness {
  /** Reads the request's body; the headers are taken down with it. */
  take(request: IncomingMessage): Promise<string>;
  /** `fetch`, with each answer taken down as it is read. */
  readonly fetch: typeof fetch;
  /** Everything, as one text. */
  seen(): string;
  /** Headers and bodies taken down. */
  count(): number;
}

export function createWitness(): Witness {
  const texts: string[] = [];

  function watch(answer: Response): Response {
    for (const [name, value] of answer.headers) texts.push(`${name}: ${value}`);
    const { body, status, statusText, headers } = answer;
    if (body === null) return answer;
    const decoder = new TextDecoder();
    const at = texts.push('') - 1;
    const passing = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        texts[at] += decoder.decode(chunk, { stream: true });
        controller.enqueue(chunk);
      },
    });
    return new Response(body.pipeThrough(passing), { status, statusText, headers });
  }

  return {
    async take(request) {
      const { rawHeaders } = request;
      rawHeaders.forEach((value, index) => {
        if (index % 2 === 1) texts.push(`${rawHeaders[index - 1]}: ${value}`);
      });
      const body = String(await readBody(request));
      texts.push(`${request.url} ${body}`);
      return body;
    },
    fetch: async (input, init) => watch(await fetch(input, init)),
    seen: () => texts.join('\n'),
    count: () => texts.length,
  };
}

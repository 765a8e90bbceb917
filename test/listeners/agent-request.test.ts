// What an agent's request tells by name: four fields of framing, each as Node itself reads it, and nothing a decision could be
// made by.

import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import fc from 'fast-check';
import { type Test, test } from 'tap';
import { AgentRequest } from '../../src/listeners/agent-request.ts';

const shown = ['host', 'expect', 'content-length', 'transfer-encoding'] as const;

test('what is shown is what Node shows, whatever comes twice or in odd letters', async (t) => {
  const [ours, nodes] = [await listen(t, { IncomingMessage: AgentRequest }), await listen(t, {})];
  const name = fc.constantFrom(
    'Host',
    'hOST',
    'Expect',
    'EXPECT',
    'X-Host',
    'Exrect',
    'Cookie',
    'Content_Length',
    'Accept',
  );
  const value = fc.constantFrom('', 'a', 'b:1', '100-continue', 'chunked', '0');
  const line = fc.tuple(name, value).map(([left, right]) => `${left}: ${right}\r\n`);
  const framing = fc.constantFrom(
    '',
    'Content-Length: 0\r\n',
    'cOntent-lEngth: 2\r\n',
    'Transfer-Encoding: chunked\r\n',
    'TRANSFER-ENCODING: chunked\r\n',
  );
  const head = fc.tuple(fc.array(line, { maxLength: 6 }), framing, fc.array(line, { maxLength: 6 }));

  await fc.assert(
    fc.asyncProperty(head, async ([before, how, after]) => {
      const text = `POST / HTTP/1.1\r\n${before.join('')}${how}${after.join('')}\r\n`;
      const [mine, theirs] = [await ours.read(text), await nodes.read(text)];
      t.strictSame(mine.answer, theirs.answer, 'taken or refused alike');
      for (const field of shown) t.equal(mine.headers?.[field], theirs.headers?.[field], field);
    }),
    { seed: 1, numRuns: 300 },
  );
});

test('a credential is not there a second time', async (t) => {
  const { read } = await listen(t, { IncomingMessage: AgentRequest });

  const { headers } = await read(
    'GET / HTTP/1.1\r\nHost: gate\r\nAuthorization: Bearer secret\r\nCookie: a=b\r\nX-Api-Key: k\r\n\r\n',
  );

  t.strictSame(
    Object.entries(headers ?? {}).filter(([, value]) => value !== undefined),
    [['host', 'gate']],
  );
});

for (const [told, head, status] of [
  ['an expectation that can be met', 'Host: gate\r\nExpect: 100-Continue\r\n', '100'],
  ['one that nobody knows', 'Host: gate\r\nExpect: miracles\r\n', '417'],
  ['no host', '', '400'],
] as const) {
  test(`${told} is answered by ${status}`, async (t) => {
    const { read } = await listen(t, { IncomingMessage: AgentRequest });

    const { answer } = await read(`POST / HTTP/1.1\r\n${head}Content-Length: 0\r\n\r\n`);

    t.equal(answer.slice(9, 12), status);
  });
}

interface Seen {
  /** The beginning of what came back, without its date. */
  readonly answer: string;
  /** What the request said, where it became one. */
  readonly headers: IncomingHttpHeaders | undefined;
}

async function listen(t: Test, options: object): Promise<{ read(text: string): Promise<Seen> }> {
  let headers: IncomingHttpHeaders | undefined;
  const server = createServer(options, (request, response) => {
    headers = request.headers;
    response.sendDate = false;
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  return {
    async read(text) {
      headers = undefined;
      const answer = await new Promise<string>((resolve, reject) => {
        const socket = connect(port, '127.0.0.1', () => socket.write(text, 'latin1'));
        socket.once('data', (bytes: Buffer) => {
          resolve(bytes.toString('latin1'));
          socket.destroy();
        });
        socket.once('error', reject);
      });
      return { answer: answer.replace(/Date: .*\r\n/, ''), headers };
    },
  };
}

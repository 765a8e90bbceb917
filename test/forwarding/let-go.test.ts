// What it took to send a call is garbage while its answer still runs: body, header lines, and the agent's own tokens. Asked of the
// collector itself, since anything that holds on to it would do: a closure, a listener, a suspended function.

import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type Test, test } from 'tap';
import { WebSocket, WebSocketServer } from 'ws';
import { Secret } from '../../src/base/secret.ts';
import { type Change, portOf } from '../support/forwarding-gate.ts';
import { answerTo, forwardingWorld } from '../support/forwarding-world.ts';

setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

/** More than enough: what nothing holds is gone after the first or the second. */
const maxCollections = 20;

/** Gives each call header lines and a token of its own, and remembers them weakly, with its body. */
function remembering() {
  const kept = new Map<string, WeakRef<object>>();
  const change: Change = ({ headers, body }) => {
    const lines = [...headers];
    const value = new Secret('token-of-the-agent');
    kept.set('header lines', new WeakRef(lines)).set('token', new WeakRef(value));
    if (body.kind === 'buffered') kept.set('body', new WeakRef(body.bytes));
    return { headers: lines, presented: [{ slot: 'header:authorization', scheme: 'bearer', value }] };
  };
  /** Names of those that are still there, however often the collector was asked. */
  async function held(): Promise<readonly string[]> {
    let names: readonly string[] = [...kept.keys()];
    for (let count = 0; count < maxCollections && names.length > 0; count += 1) {
      // Whoever asked for one of them holds it until the end of this turn.
      await new Promise(setImmediate);
      collect();
      names = names.filter((name) => kept.get(name)?.deref() !== undefined);
    }
    return names;
  }
  return { change, kept, held };
}

test('a stream holds nothing of its request', async (t) => {
  const { change, kept, held } = remembering();
  let finish: () => void = () => {};
  const { gate } = await forwardingWorld(
    t,
    (request, response) => {
      request.resume();
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: 1\n\n');
      finish = () => response.end('data: 2\n\n');
    },
    { change },
  );
  const answer = await answerTo(httpRequest(`${gate.url}/things/a`, { method: 'POST' }).end('x'.repeat(200_000)));
  answer.setEncoding('utf8');
  await once(answer, 'data');
  t.strictSame([...kept.keys()], ['header lines', 'token', 'body']);
  t.strictSame(await held(), []);

  const rest = once(answer, 'data');
  finish();
  t.strictSame(await rest, ['data: 2\n\n']);
  t.match(await gate.ended(), { status: 200, end: 'complete', bytesReceived: 200_000 });
});

test('a short answer holds it until it is over: there is nothing to gain', async (t) => {
  const { change, kept } = remembering();
  let call: { readonly headers: readonly string[] } | undefined;
  const { gate } = await forwardingWorld(t, (_request, response) => response.end('ok'), { change });
  await (await fetch(`${gate.url}/things/a`)).text();
  const ended = await gate.ended();
  if ('call' in ended) call = ended.call;
  t.equal(call?.headers, kept.get('header lines')?.deref());
});

test('an open tunnel holds nothing of its request', async (t) => {
  const { change, kept, held } = remembering();
  const { gate } = await forwardingWorld(t, await echo(t), { change });
  const agent = new WebSocket(`${gate.url.replace('http', 'ws')}/things/live`);
  await once(agent, 'open');
  t.strictSame([...kept.keys()], ['header lines', 'token']);
  t.strictSame(await held(), []);

  agent.send('still there');
  const [message] = await once(agent, 'message');
  t.equal(String(message), 'still there');
  agent.close();
  t.match(await gate.ended(), { status: 101, end: 'complete' });
});

async function echo(t: Test) {
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data)));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const close = async (): Promise<void> => {
    sockets.close();
    server.closeAllConnections();
    server.close();
  };
  t.teardown(close);
  return { origin: `http://127.0.0.1:${portOf(server.address())}`, requests: [], sockets: new Set<never>(), close };
}

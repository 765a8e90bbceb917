// Attack: an upstream that shows what it received also supports ranges. The agent asks for the echo in two pieces, cut in the
// middle of the credential: no piece has the whole of it, so the response guard finds nothing.
// Held by: where a credential is placed and the guard is on, nobody upstream hears of a range.

import { test } from 'tap';
import { compileRequestHeaders, placeCredential } from '../../src/forwarding/headers.ts';
import { callWith } from '../support/forwarding-call.ts';
import { credentialOf, secretText } from '../support/forwarding-gate.ts';
import { forwardingWorld } from '../support/forwarding-world.ts';

test('an echo asked for in pieces comes whole, and masked', async (t) => {
  const { gate } = await forwardingWorld(t, (request, response) => {
    const body = Buffer.from(JSON.stringify({ authorization: request.headers.authorization }));
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? [];
    const piece = from === undefined ? body : body.subarray(Number(from), Number(to) + 1);
    response.writeHead(from === undefined ? 200 : 206, { 'content-type': 'application/json' }).end(piece);
  });
  const half = 18 + 7 + Math.floor(secretText.length / 2);
  let pieces = '';
  for (const range of [`bytes=0-${half}`, `bytes=${half + 1}-9999`]) {
    const answer = await fetch(`${gate.url}/things/a`, { headers: { range, 'if-range': '"v1"' } });
    t.equal(answer.status, 200);
    pieces += await answer.text();
  }
  t.notMatch(pieces, secretText);
  t.match(pieces, '*'.repeat(secretText.length));
});

const asked = ['Range', 'bytes=0-9', 'If-Range', '"v1"'];

function sent(
  guard: boolean,
  placement: 'header' | 'query' | 'none',
  forwardHeaders: readonly string[] = [],
): string[] {
  const placements = {
    header: { kind: 'header', name: 'authorization', prefix: 'Bearer ' },
    query: { kind: 'query', name: 'key' },
    none: { kind: 'none' },
  } as const;
  const call = callWith(asked, { credential: credentialOf(secretText, placements[placement]) });
  const write = compileRequestHeaders({ guard, forwardHeaders, setHeaders: {} });
  const lines = write(call, { placed: placeCredential(call), traceparent: '', session: undefined });
  return lines.slice(0, 4).filter((line) => asked.includes(line));
}

test('ranges pass where there is nothing to find, or nobody looks', async (t) => {
  t.strictSame(sent(true, 'header'), []);
  t.strictSame(sent(true, 'query'), []);
  t.strictSame(sent(true, 'header', ['range', 'if-*']), [], 'whatever the route lets through');
  t.strictSame(sent(true, 'none'), asked);
  t.strictSame(sent(false, 'header'), asked);
});

// Tokens bound to a key, on calls (RFC 9449 section 7): every request proves the key anew, and an upstream's nonce is followed.
// The upstream verifies each proof with jose alone, as section 4.3 lists it, and remembers what was used.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type Test, test } from 'tap';
import { WebSocketServer } from 'ws';
import { secretOfBoundToken } from '../../src/base/bound-token.ts';
import { makeDpopKey } from '../../src/base/dpop.ts';
import { Secret } from '../../src/base/secret.ts';
import type { Credential } from '../../src/credential.ts';
import { createProofCheck } from '../support/dpop-proofs.ts';
import { credentialOf, type GateOptions, startGate } from '../support/forwarding-gate.ts';
import { forwardingWorld } from '../support/forwarding-world.ts';
import { clockAt, start } from '../support/sts-issuer.ts';

const token = 'bound-token-0123456789abcdef';

/** The nonce the upstream asks for now; undefined for none. */
interface Nonces {
  current: string | undefined;
}

function boundCredential(text = token, key = makeDpopKey('ES256')) {
  const secret = secretOfBoundToken({ token: new Secret(text), key });
  const credential: Credential = { ...credentialOf(text, { kind: 'dpop' }), secret };
  return { key, credential };
}

async function startWorld(t: Test, options: Partial<GateOptions> = {}) {
  const clock = clockAt(start);
  const check = createProofCheck(clock);
  const { key, credential } = boundCredential();
  const nonces: Nonces = { current: undefined };
  const faults: string[] = [];

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [path] = (request.url ?? '').split('?', 1);
    const url = `http://${request.headers.host}${path}`;
    const proof = request.headers['dpop'];
    const nonce = typeof proof === 'string' && nonces.current !== undefined ? nonces.current : undefined;
    if (nonce !== undefined) response.setHeader('DPoP-Nonce', nonce);
    try {
      if (request.headers.authorization !== `DPoP ${token}`) throw new Error('another scheme or token');
      if (typeof proof !== 'string') throw new Error('no proof');
      const jkt = await check(proof, { method: request.method ?? '', url, token, nonce });
      if (jkt !== key.thumbprint) throw new Error('another key');
      response.end('well proven');
    } catch (failure) {
      const what = failure instanceof Error ? failure.message : 'odd';
      faults.push(what);
      const error = what.startsWith('nonce') ? 'use_dpop_nonce' : 'invalid_dpop_proof';
      response.writeHead(401, { 'www-authenticate': `DPoP error="${error}", algs="ES256"` }).end();
    }
  }

  const rearmed: string[] = [];
  const world = await forwardingWorld(t, (request, response) => void serve(request, response), {
    clock,
    change: () => ({ credential }),
    rearm: async (call) => {
      rearmed.push(call.id);
      return call;
    },
    ...options,
  });
  return { ...world, clock, nonces, faults, rearmed };
}

test('the token goes with a proof of its key, over method and URL without query', async (t) => {
  const { gate, upstream, faults } = await startWorld(t);
  const answer = await fetch(`${gate.url}/things/a?page=2`, { method: 'POST', body: 'x' });
  t.equal(await answer.text(), 'well proven', faults.join());
  t.equal(upstream.requests[0]?.url, '/v1/a?page=2');
});

test('every call has a proof of its own', async (t) => {
  const { gate, clock, faults } = await startWorld(t);
  for (let i = 0; i < 3; i += 1) t.equal((await fetch(`${gate.url}/things/a`)).status, 200, faults.join());
  clock.advance(3_600);
  t.equal((await fetch(`${gate.url}/things/a`)).status, 200, 'an hour later too');
});

test('what the agent sent as proof or token is not sent on', async (t) => {
  const { gate, upstream } = await startWorld(t);
  const headers = { dpop: 'mine', authorization: 'Bearer mine' };
  t.equal((await fetch(`${gate.url}/things/a`, { headers })).status, 200);
  const names = upstream.requests[0]?.rawHeaders.filter((_line, at) => at % 2 === 0).map((name) => name.toLowerCase());
  t.equal(names?.filter((name) => name === 'dpop').length, 1);
  t.equal(names?.filter((name) => name === 'authorization').length, 1);
});

test('a nonce is followed once, the credential kept, and remembered for the next call', async (t) => {
  const { gate, upstream, nonces, rearmed } = await startWorld(t);
  nonces.current = 'nonce-1';
  const answer = await fetch(`${gate.url}/things/a`, { method: 'POST', body: '{"a":1}' });
  t.equal(answer.status, 200);
  t.equal(answer.headers.get('dpop-nonce'), null, 'it is not for the agent');
  t.equal(upstream.requests.length, 2);
  await fetch(`${gate.url}/things/b`);
  t.equal(upstream.requests.length, 3, 'at once');
  nonces.current = 'nonce-2';
  t.equal((await fetch(`${gate.url}/things/c`)).status, 200);
  t.strictSame(rearmed, []);
  t.strictSame(
    gate.attempts.map(({ status }) => status),
    [401, 200, 200, 401, 200],
  );
});

test('a streamed body cannot be sent again; the next call has the nonce', async (t) => {
  const { gate, nonces, rearmed } = await startWorld(t, { stream: true });
  nonces.current = 'nonce-1';
  t.equal((await fetch(`${gate.url}/things/a`, { method: 'POST', body: 'x' })).status, 502);
  t.strictSame(rearmed, [], 'the credential is good');
  t.equal((await fetch(`${gate.url}/things/a`, { method: 'POST', body: 'x' })).status, 200);
});

test('an upstream that always wants another nonce is asked twice', async (t) => {
  let asked = 0;
  const { gate, upstream } = await forwardingWorld(
    t,
    (_request, response) => {
      asked += 1;
      const headers = { 'dpop-nonce': `nonce-${asked}`, 'www-authenticate': 'DPoP error="use_dpop_nonce"' };
      response.writeHead(401, headers).end();
    },
    { change: () => ({ credential: boundCredential().credential }) },
  );
  t.equal((await fetch(`${gate.url}/things/a`)).status, 502);
  t.equal(gate.refusals[0]?.reason, 'upstream_rejected_credential');
  t.equal(upstream.requests.length, 2);
});

test('another 401 is a rejected credential, whatever nonce comes with it', async (t) => {
  const { gate, rearmed } = await startWorld(t, {
    change: () => ({ credential: boundCredential(token).credential }), // another key than the upstream knows
  });
  t.equal((await fetch(`${gate.url}/things/a`)).status, 502);
  t.equal(rearmed.length, 1);
});

test('a demand without a usable nonce is a rejected credential', async (t) => {
  for (const nonce of [[], ['a"b'], ['one', 'two'], ['x'.repeat(600)]]) {
    const rearmed: string[] = [];
    const { gate } = await forwardingWorld(
      t,
      (_request, response) => {
        if (nonce.length > 0) response.setHeader('dpop-nonce', nonce);
        response.writeHead(401, { 'www-authenticate': 'DPoP error="use_dpop_nonce"' }).end();
      },
      {
        change: () => ({ credential: boundCredential().credential }),
        rearm: async (call) => {
          rearmed.push(call.id);
          return call;
        },
      },
    );
    t.equal((await fetch(`${gate.url}/things/a`)).status, 502);
    t.equal(rearmed.length, 1);
  }
});

test('an upstream that reflects the token does not give it out', async (t) => {
  const { gate } = await forwardingWorld(
    t,
    (request, response) =>
      response.setHeader('x-seen', String(request.headers.authorization)).end(request.headers.authorization),
    { change: () => ({ credential: boundCredential().credential }) },
  );
  const answer = await fetch(`${gate.url}/things/a`);
  t.equal(answer.headers.get('x-seen'), null);
  t.notMatch(await answer.text(), token);
});

test('a credential without its key is not sent at all', async (t) => {
  const { gate, upstream } = await startWorld(t, {
    change: () => ({ credential: credentialOf(token, { kind: 'dpop' }) }),
  });
  await fetch(`${gate.url}/things/a`);
  t.equal(gate.refusals[0]?.reason, 'secret_unavailable');
  t.equal(upstream.requests.length, 0);
});

test('a WebSocket is opened with a proof too, a nonce followed', async (t) => {
  const clock = clockAt(start);
  const check = createProofCheck(clock);
  const server = createServer();
  const sockets = new WebSocketServer({ noServer: true });
  const seen: string[] = [];
  server.on('upgrade', async (request, socket, head) => {
    const proof = String(request.headers['dpop']);
    const expected = {
      method: 'GET',
      url: `http://${request.headers.host}${request.url}`,
      token,
      nonce: 'socket-nonce',
    };
    const outcome = await check(proof, expected).then(
      () => 'proven',
      (failure: Error) => failure.message,
    );
    seen.push(outcome);
    if (outcome === 'proven') return sockets.handleUpgrade(request, socket, head, (one) => one.send('hello'));
    const lines = ['www-authenticate: DPoP error="use_dpop_nonce"', 'dpop-nonce: socket-nonce', 'content-length: 0'];
    return socket.end(`HTTP/1.1 401 Unauthorized\r\n${lines.join('\r\n')}\r\n\r\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const origin = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
  const gate = await startGate({ origin, clock, change: () => ({ credential: boundCredential().credential }) });
  t.teardown(async () => {
    await gate.close();
    for (const socket of sockets.clients) socket.terminate();
    server.closeAllConnections();
    server.close();
  });
  const socket = new WebSocket(`${gate.url.replace('http', 'ws')}/things/live`);
  const message = await new Promise((resolve, reject) => {
    socket.addEventListener('message', ({ data }) => resolve(data));
    socket.addEventListener('error', () => reject(new Error(`not opened: ${seen.join()}`)));
  });
  socket.close();
  t.equal(message, 'hello');
  t.strictSame(seen, ['nonce is undefined', 'proven']);
});

// Attack: an agent has an upstream show what it received (debug and echo endpoints, verbose errors, redirects that repeat the
// query), and so reads the credential the gate obtained: a standing key of its own, outside policy and audit.
// Held by: the response guard for textual bodies, the header helper for headers, and a refusal where a body cannot be read.

import { gzipSync } from 'node:zlib';
import { test } from 'tap';
import { credentialOf, secretText } from '../support/forwarding-gate.ts';
import { forwardingWorld } from '../support/forwarding-world.ts';

const stars = '*'.repeat(secretText.length);

test('an echo of the request headers is masked, its length unchanged', async (t) => {
  const { gate } = await forwardingWorld(t, (request, response) => {
    const body = JSON.stringify({ headers: request.headers });
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length }).end(body);
  });
  const answer = await fetch(`${gate.url}/things/a`);
  const text = await answer.text();
  t.match(text, `Bearer ${stars}`);
  t.equal(text.length, Number(answer.headers.get('content-length')));
  t.notMatch(text, secretText);
  t.match(gate.attempts, [{ passed: text.length }]);
});

for (const [name, type] of Object.entries({
  json: 'application/json',
  html: 'text/html; charset=utf-8',
  'an event stream': 'text/event-stream',
  'a body that does not say what it is': undefined,
})) {
  test(`a credential trickled one byte at a time is masked: ${name}`, async (t) => {
    const { gate } = await forwardingWorld(t, (_request, response) => {
      response.writeHead(500, type === undefined ? {} : { 'content-type': type });
      const bytes = [...Buffer.from(`error: ${secretText}!`)];
      const next = () => {
        const byte = bytes.shift();
        if (byte === undefined) response.end();
        else response.write(Buffer.of(byte), () => setImmediate(next));
      };
      next();
    });
    t.equal(await (await fetch(`${gate.url}/things/a`)).text(), `error: ${stars}!`);
  });
}

test('the beginning of a credential at the end of a body is not lost', async (t) => {
  const end = secretText.slice(0, 20);
  const { gate } = await forwardingWorld(t, (request, response) => {
    response.setHeader('content-type', 'text/plain');
    if (request.url === '/v1/length') response.setHeader('content-length', end.length);
    response.end(end);
  });
  t.equal(await (await fetch(`${gate.url}/things/length`)).text(), end);
  t.equal(await (await fetch(`${gate.url}/things/chunked`)).text(), end);
});

test('response headers that repeat it are dropped', async (t) => {
  const { gate } = await forwardingWorld(t, (request, response) => {
    response.writeHead(200, {
      'x-debug-authorization': request.headers.authorization ?? '',
      'x-debug-key': `key=${secretText};`,
      'x-other': 'kept',
    });
    response.end();
  });
  const { headers } = await fetch(`${gate.url}/things/a`);
  t.equal(headers.get('x-other'), 'kept');
  t.notMatch(JSON.stringify([...headers]), secretText);
});

test('a compressed echo is refused: it could not be searched', async (t) => {
  const { gate } = await forwardingWorld(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
    response.end(gzipSync(JSON.stringify({ authorization: secretText })));
  });
  t.equal((await fetch(`${gate.url}/things/a`)).status, 502);
  t.match(await gate.ended(), { reason: 'upstream_encoding_refused' });
});

test('a credential in the query does not come back in redirect, link or body, in any of its spellings', async (t) => {
  const credential = credentialOf('pk/live+0123456789=', { kind: 'query', name: 'key' });
  const { upstream, gate } = await forwardingWorld(
    t,
    (request, response) => {
      const url = request.url ?? '';
      response.writeHead(307, { location: url, link: `<${url}>; rel="next"`, 'content-type': 'application/json' });
      response.end(
        JSON.stringify({ url, key: 'pk/live+0123456789=', escaped: 'X' }).replace('X', 'pk\\/live+0123456789='),
      );
    },
    { change: () => ({ credential }) },
  );
  const answer = await fetch(`${gate.url}/things/a?b=c`, { redirect: 'manual' });
  t.equal(upstream.requests[0]?.url, '/v1/a?b=c&key=pk%2Flive%2B0123456789%3D');
  t.equal(answer.headers.get('location'), null);
  t.equal(answer.headers.get('link'), null);
  t.notMatch(await answer.text(), /0123456789/);
});

test('a refusal after a second 401 shows nothing of the upstream’s answer', async (t) => {
  const { gate } = await forwardingWorld(t, (request, response) => {
    response.writeHead(401, { 'www-authenticate': `Bearer error_description="${secretText}"` });
    response.end(`bad token: ${request.headers.authorization}`);
  });
  const answer = await fetch(`${gate.url}/things/a`);
  t.notMatch(JSON.stringify([...answer.headers]) + (await answer.text()), secretText);
});

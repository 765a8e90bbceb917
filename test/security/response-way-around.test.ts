// Attack: an upstream's answer leads the agent past the gate, or leaves something at the gate's own origin: upload and operation
// URLs that are capabilities at the upstream (X-Goog-Upload-URL, Operation-Location), redirects, cookies, alternative services,
// challenges that send the agent to another authorization server.
// Held by: such URLs come back through the gate or not at all; the rest is dropped.

import { test } from 'tap';
import { forwardingWorld } from '../support/forwarding-world.ts';

test('capability URLs lead back through the gate, and work there', async (t) => {
  const { upstream, gate } = await forwardingWorld(t, (request, response) => {
    const own = `http://${request.headers.host}/v1`;
    if (request.url === '/v1/start') {
      response.setHeader('x-goog-upload-url', `${own}/upload?upload_id=abc`);
      response.setHeader('operation-location', `${own}/operations/7`);
      response.setHeader('location', `${own}/files/1`);
    }
    response.end();
  });
  const start = await fetch(`${gate.url}/things/start`);
  t.equal(start.headers.get('x-goog-upload-url'), `${gate.url}/things/upload?upload_id=abc`);
  t.equal(start.headers.get('operation-location'), `${gate.url}/things/operations/7`);
  t.equal(start.headers.get('location'), '/things/files/1');

  await fetch(start.headers.get('x-goog-upload-url') ?? '');
  t.equal(upstream.requests[1]?.url, '/v1/upload?upload_id=abc');
  t.match(upstream.requests[1]?.headers.authorization, /^Bearer /, 'as an armed call of its own');
});

test('what leads elsewhere, or leaves something behind, is dropped', async (t) => {
  const { gate } = await forwardingWorld(t, (_request, response) => {
    response.writeHead(200, [
      ...['x-goog-upload-url', 'https://storage.example/upload?sig=capability'],
      ...['operation-location', 'https://other.example/operations/7'],
      ...['azure-asyncoperation', 'https://other.example/operations/7'],
      ...['content-location', 'https://other.example/v1/a'],
      ...['link', '<https://other.example/page2>; rel="next"'],
      ...['set-cookie', 'session=upstream; Path=/', 'set-cookie', 'b=c'],
      ...['alt-svc', 'h3="evil.example:443"', 'refresh', '0; url=https://evil.example'],
      ...['www-authenticate', 'Bearer resource_metadata="https://other.example/.well-known/oauth-protected-resource"'],
      ...['strict-transport-security', 'max-age=1', 'clear-site-data', '"*"', 'x-harmless', 'kept'],
    ]);
    response.end('{}');
  });
  const { headers } = await fetch(`${gate.url}/things/a`);
  t.notMatch(JSON.stringify([...headers]), /example|session=|max-age|clear-site/);
  t.equal(headers.get('x-harmless'), 'kept');
});

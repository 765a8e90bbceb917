// Attack: a web page in a browser on the machine of a sidecar calls it, without any credential, and is taken for the agent:
// by a DNS name rebound to 127.0.0.1, by a cross-site request that needs no preflight, by a WebSocket. Held by refusing, before
// anybody is identified, what only browsers send.

import { test } from 'tap';
import { Refusal } from '../../src/base/errors.ts';
import { createCrossSiteCheck } from '../../src/identity/cross-site.ts';
import { createStrip } from '../../src/identity/strip.ts';
import { arrive } from '../support/identity-world.ts';

const check = createCrossSiteCheck({ loopback: true, hosts: ['api.example.com'], origins: ['app://agent'] });

function reasonFor(headers: readonly string[], loopback = true): string | undefined {
  const run = loopback ? check : createCrossSiteCheck({ loopback, hosts: [], origins: [] });
  try {
    run(createStrip()(arrive(headers)));
    return undefined;
  } catch (failure) {
    return failure instanceof Refusal ? failure.reason : String(failure);
  }
}

test('an SDK is let through, by address, by loopback name, by the host of a route', (t) => {
  for (const host of ['127.0.0.1:8080', 'localhost:8080', '[::1]:8080', 'LOCALHOST', 'api.example.com']) {
    t.equal(reasonFor(['Host', host, 'User-Agent', 'OpenAI/JS']), undefined, host);
  }
  t.end();
});

test('a rebound name is refused, whatever it looks like', (t) => {
  for (const host of ['evil.example:8080', '127.0.0.1.evil.example', 'localhost.evil.example', '10.0.0.1']) {
    t.equal(reasonFor(['Host', host]), 'cross_site_refused', host);
  }
  t.end();
});

test('what a browser adds to a cross-site call or a WebSocket gives it away', (t) => {
  const host = ['Host', '127.0.0.1:8080'];
  t.equal(reasonFor([...host, 'Origin', 'https://evil.example']), 'cross_site_refused');
  t.equal(reasonFor([...host, 'origin', 'null']), 'cross_site_refused');
  t.equal(reasonFor([...host, 'Origin', 'app://agent', 'Origin', 'https://evil.example']), 'cross_site_refused');
  t.equal(reasonFor([...host, 'Sec-Fetch-Site', 'cross-site']), 'cross_site_refused');
  t.equal(reasonFor([...host, 'Sec-Fetch-Site', 'same-site']), 'cross_site_refused');
  t.end();
});

test('an agent that lives in a browser can be allowed by its origin', (t) => {
  t.equal(reasonFor(['Host', 'localhost:8080', 'Origin', 'app://agent', 'Sec-Fetch-Site', 'same-origin']), undefined);
  t.end();
});

test('off this machine the name is whatever the network calls it', (t) => {
  t.equal(reasonFor(['Host', 'postern:8080'], false), undefined);
  t.equal(reasonFor(['Host', 'postern:8080', 'Origin', 'https://evil.example'], false), 'cross_site_refused');
  t.end();
});

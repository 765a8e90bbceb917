// The way in to an agent, as written: what it needs around it, and what would undo it.

import { test } from 'tap';
import { load, problemsIn } from '../support/config-world.ts';

interface Parts {
  readonly listen?: string;
  readonly identity?: string;
  readonly inbound?: string;
  readonly route?: string;
}

const sidecar = '{ mode: sidecar, token_file: /token }';
const inbound = '{ listen: 127.0.0.1:8081, agent: http://127.0.0.1:3000, allow: [{ id: anyone }] }';

function written({ listen = '{}', identity = sidecar, inbound: way = inbound, route = '' }: Parts = {}): string {
  return `version: 1
listen: ${listen}
identity: ${identity}
${way === '' ? '' : `inbound: ${way}`}
trust:
  - { name: corp, issuer: https://idp.example.com, audiences: [postern], principal: workload }
routes:
  - name: api
    path: /api
    upstream: https://api.example.com
    exchange: none
    placement: none
    allow: [{ id: anyone }]
    ${route}
`;
}

/** The options complained of, with the beginning of the complaint. */
async function complaints(parts: Parts): Promise<string[]> {
  return (await problemsIn(written(parts))).map((line) => line.replace(/^\d+:\d+ {2}/, ''));
}

test('a way in has safe defaults', async (t) => {
  const { config } = await load(written());
  t.match(config.inbound, {
    listen: { host: '127.0.0.1', port: 8081 },
    on_behalf_of: 'optional',
    handle_ttl: 3_600_000,
    trace_grace: 5_000,
    response_guard: 'on',
    insecure_plain_http: false,
  });
  t.equal(config.routes[0]?.subject_from, 'credential');
});

test('it needs an agent beside it, and an identity to act with', async (t) => {
  t.match(await complaints({ identity: '{}' }), [/^inbound {2}needs an identity of its own/]);
  const remote = inbound.replace('http://127.0.0.1:3000', 'http://agent.internal:3000');
  t.match(await complaints({ inbound: remote }), [/^inbound\.agent {2}is not on this machine/]);
});

test('no route has the name of the way in', async (t) => {
  const text = written().replace('name: api', 'name: inbound');
  t.match(await problemsIn(text), [/routes\[0\]\.name {2}is how calls in to the agent are recorded/]);
  await load(written({ inbound: '' }).replace('name: api', 'name: inbound'));
});

test('leaving this machine in clear text takes a word that looks unsafe', async (t) => {
  const anywhere = inbound.replace('127.0.0.1:8081', '0.0.0.0:8081');
  t.match(await complaints({ inbound: anywhere }), [/^inbound\.listen {2}is not loopback/]);
  await load(written({ inbound: anywhere.replace('{ ', '{ insecure_plain_http: true, ') }));
});

test('a subject from the trace needs calls that come in, and an outbound listener for the agent alone', async (t) => {
  const route = 'subject_from: trace';
  await load(written({ route }));
  await load(written({ route, listen: '{ outbound: "unix:/run/postern.sock" }' }));
  t.match(await complaints({ route, inbound: '' }), [/^routes\[0\]\.subject_from {2}needs calls that come in/]);
  const anywhere = '{ outbound: 0.0.0.0:8080, insecure_plain_http: true }';
  t.match(await complaints({ route, listen: anywhere }), [/^routes\[0\]\.subject_from {2}needs listen\.outbound/]);
});

test('a grace of minutes is refused', async (t) => {
  const long = inbound.replace('{ ', '{ trace_grace: 10m, ');
  t.match(await complaints({ inbound: long }), [/^inbound\.trace_grace {2}is more than 1m/]);
});

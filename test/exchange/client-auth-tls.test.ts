// Mutual TLS at a real TLS server that verifies certificates (RFC 8705): the endpoints it has for that, certificates rotated
// on disk, connections that are never shared, and what is said when the handshake fails.

import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { startMtlsIssuer } from '../support/exchange-mtls.ts';
import { type CertificateName, certificateNamed } from '../support/exchange-tls.ts';
import { refusal, startWorld } from '../support/exchange-world.ts';

const one = certificateNamed('gate-1');
const two = certificateNamed('gate-2');

/** Certificate and key in files, as cert-manager or a SPIFFE helper writes them. */
function certificateFiles(t: Test, name: CertificateName = 'gate-1') {
  const folder = t.testdir({});
  const files = { certificate_file: join(folder, 'tls.crt'), key_file: join(folder, 'tls.key') };
  const replace = (path: string, text: string) => {
    writeFileSync(`${path}.next`, text);
    renameSync(`${path}.next`, path);
  };
  const put = (next: CertificateName) => {
    const { certificate, key } = certificateNamed(next);
    replace(files.certificate_file, certificate);
    replace(files.key_file, key);
  };
  put(name);
  return { files, put, replace };
}

async function start(t: Test, name?: CertificateName) {
  const world = await startWorld(t);
  const issuer = await startMtlsIssuer(t, world, (clientId, socket) => {
    return clientId === 'postern' && socket.getPeerCertificate().subject?.CN === 'postern';
  });
  const disk = certificateFiles(t, name);
  const client = { auth: 'tls_client_auth', id: 'postern', ...disk.files };
  const gate = (changes: Record<string, unknown> = {}) =>
    world.gate({
      exchanges: { corp: { grant: 'client_credentials', issuer: issuer.url, client, ...changes } },
      send: issuer.send,
    });
  const tokens = () => issuer.requests.filter(({ path }) => path === '/token');
  /** Everything obtained before has ended. */
  const later = () => world.clock.pass(301);
  return { world, issuer, disk, client, gate, tokens, later, call: world.call };
}

test('the certificate on the connection, client_id in the body, at the endpoint the issuer has for that', async (t) => {
  const { gate, call, issuer, tokens } = await start(t);
  const { broker, problems } = gate();
  await broker.arm(call());
  t.strictSame(problems, []);
  t.match(tokens(), [{ fingerprint: one.fingerprint }]);
  t.strictSame([...(tokens()[0]?.form.keys() ?? [])].sort(), ['audience', 'client_id', 'grant_type', 'scope']);
  t.equal(tokens()[0]?.form.get('client_id'), 'postern');
  const open = issuer.requests.filter(({ path }) => path !== '/token');
  t.ok(
    open.length > 0 && open.every(({ fingerprint }) => fingerprint === undefined),
    'metadata is asked for by nobody',
  );
});

test('without aliases the certificate is shown at the token endpoint itself', async (t) => {
  const { gate, call, issuer, tokens } = await start(t);
  issuer.publish({ mtls_endpoint_aliases: undefined, token_endpoint: `${issuer.mtlsUrl}/token` });
  await gate().broker.arm(call());
  t.match(tokens(), [{ fingerprint: one.fingerprint }]);
});

test('a client without certificates does not use the aliases', async (t) => {
  const { gate, call, tokens } = await start(t);
  const client = { auth: 'client_secret_post', id: 'postern', secret: 's' };
  t.match(await refusal(gate({ client }).broker.arm(call())), { reason: 'issuer_rejected_client' });
  t.match(tokens(), [{ fingerprint: undefined }], 'but the endpoint that wants none');
});

test('introspection goes the same way', async (t) => {
  const { gate, call, issuer } = await start(t);
  issuer.give('opaque-token');
  const { broker } = gate({ grant: 'token_exchange', introspect: {} });
  await broker.arm(call()).catch(() => undefined); // what the issuer says of it is another story
  const asked = issuer.requests.filter(({ path }) => path === '/introspect');
  t.match(asked, [{ fingerprint: one.fingerprint }]);
  t.equal(asked[0]?.form.get('client_id'), 'postern');
});

test('a certificate rotated on disk: new connections, and what is under way ends on the old one', async (t) => {
  const { gate, call, issuer, disk, tokens, later, world } = await start(t);
  const { broker } = gate();
  const release = issuer.hold();
  const arrived = issuer.arrived(1);
  const first = broker.arm(call());
  await arrived;
  disk.put('gate-2');
  world.clock.pass(1);
  release();
  t.ok(await first, 'not cut by the rotation');
  later();
  await broker.arm(call());
  t.strictSame(
    tokens().map(({ fingerprint }) => fingerprint),
    [one.fingerprint, two.fingerprint],
  );
  t.not(tokens()[0]?.connection, tokens()[1]?.connection);
});

test('while only one of the two files was replaced, the pair before holds', async (t) => {
  const { gate, call, disk, tokens, later } = await start(t);
  const { broker, log } = gate();
  await broker.arm(call());
  disk.replace(disk.files.certificate_file, two.certificate);
  later();
  await broker.arm(call());
  t.match(log.lines, [{ level: 'warn', facts: { detail: /key does not belong/ }, message: /certificate kept/ }]);
  disk.replace(disk.files.key_file, two.key);
  later();
  await broker.arm(call());
  t.strictSame(
    tokens().map(({ fingerprint }) => fingerprint),
    [one.fingerprint, one.fingerprint, two.fingerprint],
  );
});

test('a pair that was never one, files that are gone, and a certificate that has ended, are faults of the gate', async (t) => {
  const { gate, call, disk, tokens, later, world } = await start(t);
  const { broker } = gate();
  await broker.arm(call());
  rmSync(disk.files.key_file);
  later();
  t.match(await refusal(broker.arm(call())), { reason: 'secret_unavailable', detail: /tls\.key cannot be read/ });

  disk.replace(disk.files.key_file, two.key);
  later();
  t.match(await refusal(broker.arm(call())), { reason: 'secret_unavailable', detail: /key does not belong/ });

  for (const [text, said] of [
    ['CANARY', /no unencrypted private key/],
    [`-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----`, /no unencrypted private key/],
    ['x'.repeat(70_000), /is larger than/],
  ] as const) {
    disk.replace(disk.files.key_file, text);
    later();
    const refused = await refusal(broker.arm(call()));
    t.match(refused, { reason: 'secret_unavailable', detail: said });
    t.notMatch(refused.detail, /CANARY/);
  }

  disk.put('gate-1');
  world.clock.pass(94 * 365 * 86_400);
  t.match(await refusal(gate().broker.arm(call())), { reason: 'secret_unavailable', detail: /has expired/ });
  t.equal(tokens().length, 1);
});

test('files that are not there yet do not stop the start: readiness tells, and finds them', async (t) => {
  const { gate, disk, later } = await start(t);
  rmSync(disk.files.certificate_file);
  const { broker, problems } = gate();
  t.strictSame(problems, []);
  await broker.warm();
  t.match(broker.status(), [{ ready: false, lastFailure: { reason: 'secret_unavailable' } }]);
  disk.put('gate-1');
  later();
  await broker.warm();
  t.match(broker.status(), [{ ready: true }]);
});

test('an issuer that does not know the authority of the certificate hangs up: what it may be is told', async (t) => {
  const { gate, call, tokens } = await start(t, 'stranger');
  const refused = await refusal(gate().broker.arm(call()));
  t.equal(tokens().length, 0);
  t.match(refused, { reason: 'issuer_unreachable', status: 503, detail: /may not take the client certificate/ });
});

test('an issuer that wants a certificate refuses a connection without one', async (t) => {
  const { gate, call, issuer, tokens } = await start(t);
  issuer.publish({ token_endpoint: `${issuer.mtlsUrl}/token` });
  const client = { auth: 'client_secret_post', id: 'postern', secret: 's' };
  const refused = await refusal(gate({ client }).broker.arm(call()));
  // The alert that says so comes with the end of the connection: whichever is read first.
  t.match(refused, { detail: /^token endpoint: (?:certificate_refused|unreachable)$/ });
  t.equal(tokens().length, 0);
});

test('a certificate of another client is refused by the issuer itself', async (t) => {
  const { gate, call, client } = await start(t);
  const refused = await refusal(gate({ client: { ...client, id: 'somebody-else' } }).broker.arm(call()));
  t.match(refused, { reason: 'issuer_rejected_client' });
});

test('connections are kept for the next message, and never shared between two identities or with none', async (t) => {
  const { gate, call, tokens, later, client } = await start(t);
  const first = gate().broker;
  const second = gate({ client: { ...client, auth: 'self_signed_tls_client_auth' } }).broker;
  await first.arm(call());
  later();
  await first.arm(call());
  await second.arm(call());
  const [a, b, c] = tokens().map(({ connection }) => connection);
  t.equal(a, b);
  t.not(b, c, 'although certificate and issuer are the same');
});

test('over plain http nothing is shown, so nothing is sent', async (t) => {
  const { gate, call, world } = await start(t);
  const refused = await refusal(gate({ issuer: world.issuer.url }).broker.arm(call()));
  t.match(refused, { reason: 'exchange_misconfigured', detail: /over plain http/ });
  t.equal(world.issuer.received.length, 0);
});

test('aliases that lead away from https are not used', async (t) => {
  const { gate, call, issuer, world, tokens } = await start(t);
  issuer.publish({ mtls_endpoint_aliases: { token_endpoint: world.issuer.tokenEndpoint } });
  await gate()
    .broker.arm(call())
    .catch(() => undefined);
  t.equal(world.issuer.received.length, 0);
  t.equal(tokens().length, 1);
});

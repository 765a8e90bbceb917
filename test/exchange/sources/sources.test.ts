// The gate's own identity for exchanges in its own name: where each source gets it from, and what happens when it cannot.

import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import { createAddressPolicy } from '../../../src/base/addresses.ts';
import { createSend } from '../../../src/base/send.ts';
import { sourceSchema } from '../../../src/exchange/schema.ts';
import { openai, startFederation } from '../../support/exchange-federation.ts';
import { type Platform, startPlatform } from '../../support/exchange-vendors/platform.ts';
import { refusal } from '../../support/exchange-world.ts';

const { audience } = openai;

async function start(t: Test) {
  const federation = await startFederation(t, openai);
  const { world } = federation;
  const own = (changes = {}) => world.issuer.mint('postern', { audience, kind: 'workload', ...changes });
  const platform = await startPlatform(async (asked) => (await own({ audience: asked })).token.reveal());
  t.teardown(() => platform.close());
  const gate = (source: object, story = {}) =>
    federation.gate(
      { subject_source: 'own' },
      { sources: { own: source }, routes: [{ audience: undefined }], ...story },
    );
  return { ...federation, platform, own, gate };
}

const platforms: Record<string, (platform: Platform) => object> = {
  github_actions: ({ githubUrl, githubToken }) => ({
    source: 'github_actions',
    request_url: githubUrl,
    request_token: githubToken,
    audience,
  }),
  gcp_metadata: ({ url }) => ({ source: 'gcp_metadata', audience, endpoint: url }),
  azure_imds: ({ url }) => ({ source: 'azure_imds', resource: audience, endpoint: url }),
};

for (const [name, entry] of Object.entries(platforms)) {
  test(`${name}: asked for every exchange, as the platform wants to be asked`, async (t) => {
    const { gate, call, vendor, platform, world } = await start(t);
    const { broker, problems } = gate(entry(platform));

    const { credential } = await broker.arm(call());

    t.strictSame(problems, []);
    t.match(vendor.tokens.of(`Bearer ${credential.secret?.reveal()}`)?.claims, { sub: 'postern', aud: audience });
    t.match(credential.facts, { kind: 'client_credentials' });
    t.equal(platform.received.length, 1);
    t.equal((await broker.arm(call())).cache, 'hit');
    world.clock.pass(3_600);
    await broker.arm(call({ subject: await world.issuer.mint('bob', { audience }) }));
    t.equal(platform.received.length, 2);
  });

  test(`${name}: what it answers is taken as little at its word as an issuer`, async (t) => {
    const { gate, call, vendor, platform, world } = await start(t);
    const answers: [number, string, string][] = [
      [500, 'text/plain', 'CANARY'],
      [302, 'text/plain', ''],
      [200, 'text/html', '<h1>CANARY</h1>'],
      [200, 'application/json', '{"value":"a\\r\\nX-CANARY: b","access_token":"a b"}'],
      [200, 'application/json', '{}'],
      [200, 'application/json', 'x'.repeat(70_000)],
    ];
    for (const [status, type, body] of answers) {
      platform.answerWith((response) => {
        response.writeHead(status, { 'content-type': type, location: `${platform.url}/elsewhere` }).end(body);
      });
      const refused = await refusal(gate(entry(platform)).broker.arm(call()));
      t.match(refused, { reason: 'secret_unavailable', status: 503, detail: /^subject source own: / });
      t.notMatch(refused.detail, /CANARY/);
      world.clock.pass(5);
    }
    t.ok(platform.received.every(({ path }) => path !== '/elsewhere'));
    t.equal(vendor.received.length, 0);
  });
}

test('a file is read for every exchange: the platform rotates it', async (t) => {
  const { gate, call, vendor, own, world } = await start(t);
  const dir = t.testdir({});
  const file = join(dir, 'token');
  writeFileSync(file, `${(await own()).token.reveal()}\n`);
  const { broker } = gate({ source: 'file', file });
  const first = await broker.arm(call());

  const next = await own({ lifetime: 7_200 });
  writeFileSync(join(dir, 'next'), next.token.reveal());
  renameSync(join(dir, 'next'), file);
  world.clock.pass(3_600);
  const second = await broker.arm(call({ subject: await world.issuer.mint('bob', { audience }) }));

  t.not(second.credential.secret, first.credential.secret);
  t.equal(vendor.received[1]?.body?.['subject_token'], next.token.reveal());
});

test('a file that is gone is a fault of the gate, remembered for a moment', async (t) => {
  const { gate, call, vendor } = await start(t);
  const { broker } = gate({ source: 'file', file: '/nowhere/token' });
  await broker.warm();
  t.match(broker.status(), [{ ready: false, lastFailure: { reason: 'secret_unavailable' } }]);
  t.match(await refusal(broker.arm(call())), { reason: 'secret_unavailable', status: 503 });
  t.equal(vendor.received.length, 0);
});

test('a token of the environment serves until its end, and not a moment longer', async (t) => {
  const { gate, call, own, world } = await start(t);
  const value = (await own({ lifetime: 100 })).token.reveal();
  const { broker } = gate({ source: 'env', value });
  await broker.arm(call());
  world.clock.pass(101);
  t.match(await refusal(broker.arm(call())), { reason: 'secret_unavailable', detail: /has expired/ });
});

test('one credential for all callers; nobody’s end is its end, and no chain is claimed', async (t) => {
  const { gate, call, platform, world, vendor } = await start(t);
  const { broker } = gate({ source: 'gcp_metadata', audience, endpoint: platform.url });
  const short = await world.issuer.mint('bob', { lifetime: 10 });
  await broker.arm(call({ subject: short }));
  world.clock.pass(60);
  t.equal((await broker.arm(call())).cache, 'hit');
  t.equal(broker.forget({ iss: world.issuer.url, sub: 'bob' }), 0);
  t.equal(vendor.received.length, 1);
});

test('the credential ends with the token it was obtained with, and is renewed from a new one', async (t) => {
  const { gate, call, platform, world, own } = await start(t);
  const { broker } = gate({ source: 'gcp_metadata', audience, endpoint: platform.url });
  const short = (await own({ lifetime: 100 })).token.reveal();
  platform.answerWith((response) => response.writeHead(200, { 'content-type': 'application/text' }).end(short));
  await broker.arm(call());
  platform.answerWith();
  world.clock.pass(80);
  t.equal((await broker.arm(call())).cache, 'miss');
});

test('metadata services are refused by the address policy until somebody allows them', async (t) => {
  const { gate, call } = await start(t);
  const sender = createSend({ addresses: createAddressPolicy() });
  t.teardown(() => sender.close());
  const { broker } = gate({ source: 'azure_imds', resource: audience }, { send: sender.send });
  t.match(await refusal(broker.arm(call())), { reason: 'secret_unavailable', detail: /network\.allow/ });
});

test('a source that is not there is reported, and no call’s token takes its place', async (t) => {
  const { call, vendor, world, entry } = await start(t);
  const { broker, problems } = world.gate({
    exchanges: { corp: entry({ subject_source: 'typo' }) },
    sources: { own: { source: 'file', file: '/x' } },
    routes: [{ audience: undefined }],
  });
  t.match(problems, [{ path: ['exchanges', 'corp', 'subject_source'], what: /not there: typo/, mend: 'known: own' }]);
  await refusal(broker.arm(call()));
  t.equal(vendor.received.length, 0);
});

test('what may be written: fixed places, https, names that cannot leave their path', (t) => {
  const accepts = (entry: object) => sourceSchema.safeParse(entry).success;
  const github = { source: 'github_actions', request_token: 'x', audience: 'a' };
  t.ok(accepts({ ...github, request_url: 'https://pipelines.actions.githubusercontent.com/x?api-version=2.0' }));
  t.notOk(accepts({ ...github, request_url: 'http://actions.example/x' }), 'its token would be readable on the way');
  t.notOk(accepts({ ...github, request_url: 'https://user:pw@actions.example/x' }));
  const gcp = { source: 'gcp_metadata', audience: 'a' };
  t.match(sourceSchema.parse(gcp), { endpoint: 'http://metadata.google.internal', service_account: 'default' });
  t.notOk(accepts({ ...gcp, endpoint: 'http://evil.example' }));
  t.notOk(accepts({ ...gcp, service_account: '../../token' }));
  t.match(sourceSchema.parse({ source: 'azure_imds', resource: 'api://x' }), { endpoint: 'http://169.254.169.254' });
  t.end();
});

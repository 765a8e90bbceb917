// The identity of an AWS workload for a vendor's federation: keys of its role from where the platform keeps them, a signed
// GetWebIdentityToken, and the JWT it gives. STS verifies the signature with an implementation of its own.

import { writeFileSync } from 'node:fs';
import { type Test, test } from 'tap';
import { createAddressPolicy } from '../../../src/base/addresses.ts';
import { createSend } from '../../../src/base/send.ts';
import { sourceSchema } from '../../../src/exchange/schema.ts';
import { openai, startFederation } from '../../support/exchange-federation.ts';
import { awsRegion } from '../../support/exchange-vendors/aws-account.ts';
import { startAwsMetadata } from '../../support/exchange-vendors/aws-metadata.ts';
import { problem, startStsVendor } from '../../support/exchange-vendors/aws-sts.ts';
import { refusal } from '../../support/exchange-world.ts';

const { audience } = openai;
const facts = {
  arn: 'arn:aws:iam::123456789012:role/gate',
  claims: {},
  tags: {},
  sourceIdentity: undefined,
  policy: undefined,
};

async function start(t: Test, enabled = true) {
  const federation = await startFederation(t, openai);
  const { clock, issuer } = federation.world;
  const mint = async (asked: string) =>
    (await issuer.mint(facts.arn, { audience: asked, kind: 'workload' })).token.reveal();
  const trust = { issuer: issuer.url, jwksUri: issuer.jwksUri, audience };
  const sts = await startStsVendor({ clock, trust, ...(enabled && { mint }) });
  const open = () => sts.account.open({ ...facts, endsAt: clock.now() + 3_600_000 });
  let session = open();
  const metadata = await startAwsMetadata(() => session);
  t.teardown(() => Promise.all([sts.close(), metadata.close()]));
  const file = `${t.testdir({})}/token`;
  writeFileSync(file, `${metadata.containerToken}\n`);
  const container = { from: 'container', url: metadata.containerUrl, token_file: file };
  const entry = (changes = {}) => ({
    source: 'aws_web_identity_token',
    region: awsRegion,
    audience,
    credentials: container,
    sts_endpoint: sts.url,
    ...changes,
  });
  const gate = (changes = {}, story = {}) =>
    federation.gate({ subject_source: 'own' }, { sources: { own: entry(changes) }, ...story });
  const renew = () => {
    session = open();
  };
  return { ...federation, clock, sts, metadata, file, entry, gate, renew, session: () => session };
}

test('container: the endpoint with its token, then STS, then the vendor', async (t) => {
  const { gate, call, vendor, sts, metadata, session } = await start(t);
  const { broker, problems } = gate({ lifetime: '10m', signing_algorithm: 'ES384' });
  const { credential } = await broker.arm(call());
  t.strictSame(problems, []);
  t.match(vendor.tokens.of(`Bearer ${credential.secret?.reveal()}`)?.claims, { sub: facts.arn, aud: audience });
  t.match(credential.facts, { kind: 'client_credentials' });
  const { body, headers } = sts.received[0] ?? {};
  t.strictSame(body, {
    Action: 'GetWebIdentityToken',
    Version: '2011-06-15',
    'Audience.member.1': audience,
    DurationSeconds: '600',
    SigningAlgorithm: 'ES384',
  });
  t.match(headers?.authorization, `Credential=${session().accessKeyId}/20`);
  t.equal(metadata.received.length, 1);
  t.equal((await broker.arm(call())).cache, 'hit');
});

test('instance: a metadata session first, never a GET without one', async (t) => {
  const { gate, call, metadata } = await start(t);
  const credentials = { from: 'instance', endpoint: metadata.url };
  await gate({ credentials }).broker.arm(call());
  t.strictSame(
    metadata.received.map(({ method, path }) => [method, path.split('/').at(-1)]),
    [
      ['PUT', 'token'],
      ['GET', ''],
      ['GET', 'agents'],
    ],
  );
  metadata.answerWith((response) => response.writeHead(404).end());
  const refused = await refusal(gate({ credentials }).broker.arm(call()));
  t.match(refused, { reason: 'secret_unavailable', status: 503, detail: 'subject source own: answered 404' });
  t.equal(metadata.received.at(-1)?.method, 'PUT', 'version 1 is not tried');
});

test('env: keys as they stand there', async (t) => {
  const { gate, call, session } = await start(t);
  const { accessKeyId, secretAccessKey, sessionToken } = session();
  const credentials = {
    from: 'env',
    access_key_id: accessKeyId,
    secret_access_key: secretAccessKey,
    session_token: sessionToken,
  };
  t.ok((await gate({ credentials }).broker.arm(call())).credential.secret);
  const odd = { ...credentials, session_token: 'a\r\nX: b' };
  t.match(await refusal(gate({ credentials: odd }).broker.arm(call())), { reason: 'secret_unavailable' });
});

test('keys are read anew for every exchange, and their end is STS’s to tell', async (t) => {
  const { gate, call, clock, renew, world } = await start(t);
  const { broker } = gate();
  clock.pass(3_700);
  const refused = await refusal(broker.arm(call()));
  t.match(refused, { reason: 'secret_unavailable', detail: 'subject source own: answered 403 ExpiredToken' });
  renew();
  clock.pass(60);
  t.ok((await broker.arm(call({ subject: await world.issuer.mint('bob', { audience }) }))).credential.secret);
});

test('what is wrong is told in one word, without what was sent', async (t) => {
  const { gate, call, sts, metadata, file, clock } = await start(t, false);
  const told = async () => {
    clock.pass(60);
    const { reason, detail } = await refusal(gate().broker.arm(call()));
    t.equal(reason, 'secret_unavailable');
    return detail;
  };
  t.equal(await told(), 'subject source own: answered 403 OutboundWebIdentityFederationDisabled');
  const { body, headers } = problem(403, 'AccessDenied', 'User CANARY is not authorized');
  sts.answerWith((response) => response.writeHead(403, headers).end(body));
  t.equal(await told(), 'subject source own: answered 403 AccessDenied');
  sts.answerWith((response) =>
    response.writeHead(200, headers).end('<R><WebIdentityToken>CANARY x</WebIdentityToken></R>'),
  );
  t.equal(await told(), 'subject source own: answered without a usable token');
  sts.answerWith((response) => response.socket?.destroy());
  t.equal(await told(), 'subject source own: unreachable');
  metadata.answerWith((response) => response.writeHead(200).end('{"AccessKeyId":"x"}'));
  t.equal(await told(), 'subject source own: answered without AWS keys');
  writeFileSync(file, 'wrong');
  metadata.answerWith();
  t.equal(await told(), 'subject source own: answered 401');
});

test('the metadata service is refused unless its address is named in network.allow', async (t) => {
  const { gate, call } = await start(t);
  const { send, close } = createSend({ addresses: createAddressPolicy() });
  t.teardown(() => close());
  for (const credentials of [
    { from: 'instance' },
    { from: 'container', url: 'http://169.254.170.2/v2/credentials/x' },
  ]) {
    const refused = await refusal(gate({ credentials }, { send }).broker.arm(call()));
    t.match(refused, { reason: 'secret_unavailable', detail: /network\.allow/ });
  }
});

test('limits of the configuration', (t) => {
  const credentials = { from: 'instance' };
  const entry = { source: 'aws_web_identity_token', region: awsRegion, audience, credentials };
  const accepts = (changes: object) => sourceSchema.safeParse({ ...entry, ...changes }).success;
  t.ok(accepts({}));
  t.notOk(accepts({ lifetime: '30s' }));
  t.notOk(accepts({ lifetime: '2h' }));
  t.notOk(accepts({ signing_algorithm: 'HS256' }));
  for (const url of [
    'http://evil.example/creds',
    'http://169.254.169.254/x',
    'ftp://127.0.0.1/',
    'http://a@127.0.0.1/',
  ]) {
    t.notOk(accepts({ credentials: { from: 'container', url } }), url);
  }
  t.ok(accepts({ credentials: { from: 'container', url: 'http://169.254.170.23/v1/credentials?x=1' } }));
  t.notOk(accepts({ credentials: { from: 'instance', endpoint: 'http://10.0.0.1' } }));
  t.end();
});

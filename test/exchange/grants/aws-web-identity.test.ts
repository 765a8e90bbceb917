// AWS: a role session by AssumeRoleWithWebIdentity (STS API reference), narrowed to what the hop needs, named after the caller,
// and kept as one value that signs. STS is the emulator, which verifies the JWT and enforces the session policy's form.

import { type Test, test } from 'tap';
import { awsKeysOf } from '../../../src/base/aws-keys.ts';
import { exchangeSchema } from '../../../src/exchange/schema.ts';
import { permittedCall } from '../../support/exchange-call.ts';
import { aws, startFederation } from '../../support/exchange-federation.ts';
import { awsAccount, awsRegion, awsRole } from '../../support/exchange-vendors/aws-account.ts';
import { startStsVendor } from '../../support/exchange-vendors/aws-sts.ts';
import { refusal } from '../../support/exchange-world.ts';

const placement = { kind: 'sigv4', service: 'bedrock', region: awsRegion } as const;
const route = { audience: undefined, placement };

async function start(t: Test, kind: typeof aws = aws) {
  const federation = await startFederation(t, kind);
  const gate = (changes = {}, routes: object[] = [{}]) =>
    federation.gate(changes, { routes: routes.map((one) => ({ ...route, ...one })) });
  return { ...federation, gate };
}

test('asked as the SDK does: a form, the token as the only proof', async (t) => {
  const { gate, call, vendor, alice } = await start(t);
  const { broker, problems } = gate();
  await broker.arm(call());
  t.strictSame(problems, []);
  const [asked] = vendor.received;
  t.match(asked, { method: 'POST', path: '/', encoding: 'form' });
  t.notOk(asked?.headers.authorization, 'the call is not signed');
  const { RoleSessionName: name, ...rest } = asked?.body ?? {};
  t.match(name, /^postern-[\w-]{22}$/);
  t.strictSame(rest, {
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: awsRole,
    WebIdentityToken: alice.token.reveal(),
    DurationSeconds: '3600',
  });
});

test('the keys are one value, cached until shortly before the first of all ends', async (t) => {
  const { gate, call, vendor, world } = await start(t);
  const { broker } = gate();
  const { credential } = await broker.arm(call());
  const keys = credential.secret && awsKeysOf(credential.secret);
  const session = vendor.account.sessions.get(keys?.accessKeyId ?? '');
  t.match(keys, { secretAccessKey: session?.secretAccessKey, sessionToken: session?.sessionToken });
  t.strictSame(credential.placement, placement);
  t.match(credential.facts, {
    kind: 'exchanged',
    grant: 'aws_web_identity',
    audience: awsRole,
    expiresAt: world.clock.now() / 1_000 + 3_600,
    verification: { mode: 'not_applicable' },
  });
  t.notMatch(JSON.stringify(credential), session?.secretAccessKey ?? '');
  t.equal((await broker.arm(call())).cache, 'hit');
});

test('the session is named after the caller, and a name as it stands is never bent', async (t) => {
  const { gate, call, vendor, alice } = await start(t);
  const alone = () => permittedCall({ subject: alice, scopes: [] });
  const nameOf = async (session_name: string, of = call()) => {
    await gate({ session_name }).broker.arm(of);
    return String(vendor.received.at(-1)?.body?.['RoleSessionName']);
  };
  t.not(await nameOf('{caller}'), await nameOf('{caller}', alone()), 'alice by herself is another caller');
  t.equal(await nameOf('{subject}'), await nameOf('{caller}', alone()), 'and the subject of both');
  t.equal(await nameOf('x+=,.@-{subject_sub}'), 'x+=,.@-alice');
  const refused = await refusal(gate({ session_name: '{caller_sub}' }).broker.arm(call()));
  t.match(
    refused,
    { reason: 'exchange_misconfigured', status: 503, detail: /^session_name:/ },
    'a SPIFFE ID has slashes',
  );
  t.equal(vendor.received.length, 5);
});

test('a session policy: what is configured, what the route asks for, or the narrower of both', async (t) => {
  const { gate, call, vendor } = await start(t);
  const policyOf = async (changes: object, story: object, resource: string[] = []) => {
    await gate(changes, [{ resource }]).broker.arm(call(story));
    const text = vendor.received.at(-1)?.body?.['Policy'];
    return text === undefined ? undefined : JSON.parse(String(text));
  };
  const Version = '2012-10-17';
  const invoke = 'bedrock:InvokeModel';
  const nova = `arn:aws:bedrock:${awsRegion}::foundation-model/amazon.nova-lite-v1:0`;
  const session_policy = { Version, Statement: { Effect: 'Allow', Action: 'bedrock:*', Resource: '*' } };

  t.equal(await policyOf({}, {}), undefined);
  t.strictSame(await policyOf({ session_policy }, {}), session_policy);
  t.strictSame(await policyOf({}, { scopes: [invoke] }, [nova]), {
    Version,
    Statement: [{ Effect: 'Allow', Action: [invoke], Resource: [nova] }],
  });
  t.strictSame(await policyOf({ session_policy }, { scopes: [invoke] }, [nova]), {
    Version,
    Statement: [
      session_policy.Statement,
      { Effect: 'Deny', NotAction: [invoke], Resource: '*' },
      { Effect: 'Deny', Action: '*', NotResource: [nova] },
    ],
  });
  const arns = [`arn:aws:iam::${awsAccount}:policy/only-bedrock`, 'arn:aws:iam::aws:policy/ReadOnlyAccess'];
  await gate({ session_policy_arns: arns, duration: '15m' }).broker.arm(call());
  t.match(vendor.received.at(-1)?.body, {
    'PolicyArns.member.1.arn': arns[0],
    'PolicyArns.member.2.arn': arns[1],
    DurationSeconds: '900',
  });
});

test('another policy, name or scope is another session', async (t) => {
  const { gate, call, vendor, alice } = await start(t);
  const { broker } = gate();
  await broker.arm(call());
  await broker.arm(call({ scopes: ['bedrock:InvokeModel'] }));
  await broker.arm(permittedCall({ subject: alice, scopes: [] }));
  t.equal(vendor.account.sessions.size, 3);
});

test('session tags and source identity come from the token, and are insisted on where configured', async (t) => {
  const { gate, call, vendor, world } = await start(t);
  const { broker } = gate({ session_tags: ['caller', 'subject'] });
  const tags = { principal_tags: { caller: ['agent:planner'], subject: ['alice'] }, transitive_tag_keys: ['subject'] };
  const claims = { 'https://aws.amazon.com/tags': tags, 'https://aws.amazon.com/source_identity': 'alice' };
  const subject = await world.issuer.mint('alice', { audience: aws.audience, claims });
  await broker.arm(call({ subject }));
  const [session] = vendor.account.sessions.values();
  t.match(session, { tags: { caller: 'agent:planner', subject: 'alice' }, sourceIdentity: 'alice' });
  t.notMatch(vendor.received[0]?.raw.toString(), /Tags\.member|SourceIdentity/, 'there are no such parameters');

  const flat = {
    'https://aws.amazon.com/tags/principal_tags/caller': 'a',
    'https://aws.amazon.com/tags/principal_tags/subject': 'b',
  };
  const okta = await world.issuer.mint('bob', { audience: aws.audience, claims: flat });
  await broker.arm(call({ subject: okta }));

  const partly = { 'https://aws.amazon.com/tags': { principal_tags: { caller: ['a'], subject: [] } } };
  for (const given of [{}, partly]) {
    const without = await world.issuer.mint('carol', { audience: aws.audience, claims: given });
    const refused = await refusal(broker.arm(call({ subject: without })));
    t.match(refused, { reason: 'exchange_misconfigured', status: 503, detail: /no session tag "(?:caller|subject)"$/ });
    world.clock.pass(60);
  }
  t.equal(vendor.received.length, 2);
});

test('a role that takes no tags of this issuer says so as any other refusal', async (t) => {
  const { gate, call, world } = await start(t, {
    ...aws,
    start: ({ clock }, trust) => startStsVendor({ clock, trust, mayTag: false }),
  });
  const claims = { 'https://aws.amazon.com/tags': { principal_tags: { caller: ['a'] } } };
  const subject = await world.issuer.mint('alice', { audience: aws.audience, claims });
  t.match(await refusal(gate().broker.arm(call({ subject }))), { reason: 'exchange_denied', status: 403 });
});

test('a Bedrock API key is made of the session, and ends with it', async (t) => {
  const { gate, call, world } = await start(t);
  const bearer = { kind: 'header', name: 'authorization', prefix: 'Bearer ' };
  const { broker, problems } = gate({ credential: 'bedrock_api_key', duration: '30m' }, [{ placement: bearer }]);
  const { credential } = await broker.arm(call());
  t.strictSame(problems, []);
  const key = credential.secret?.reveal() ?? '';
  const url = Buffer.from(key.replace(/^bedrock-api-key-/, ''), 'base64').toString();
  t.match(url, /^bedrock\.amazonaws\.com\/\?Action=CallWithBearerToken&X-Amz-Algorithm=AWS4-HMAC-SHA256&/);
  t.match(url, /&X-Amz-Expires=1800&.*&X-Amz-SignedHeaders=host&Version=1$/);
  t.equal(credential.facts.expiresAt, world.clock.now() / 1_000 + 1_800);
});

test('a placement that does not fit the kind of credential is told when the configuration loads', async (t) => {
  const { gate, call, world } = await start(t);
  const bearer = { kind: 'header', name: 'authorization', prefix: 'Bearer ' };
  t.match(gate({}, [{ placement: bearer }]).problems, [{ path: ['routes', 0, 'placement'], what: /never sent/ }]);
  t.match(gate({ credential: 'bedrock_api_key' }).problems, [{ what: /Authorization: Bearer only/ }]);
  const exchanges = { corp: { grant: 'static_secret', value: 'not-a-key' } };
  const plain = world.gate({ exchanges, routes: [{ placement }] });
  t.match(plain.problems, [{ what: /grant static_secret gives none/ }]);
  t.ok(call);
});

test('limits of the configuration', (t) => {
  const entry = { grant: 'aws_web_identity', region: awsRegion, role_arn: awsRole };
  const accepts = (changes: object) => exchangeSchema.safeParse({ ...entry, ...changes }).success;
  t.ok(accepts({}));
  t.ok(accepts({ region: 'us-gov-west-1' }));
  t.notOk(accepts({ region: 'evil.example#' }), 'it becomes part of a host name');
  t.notOk(accepts({ role_arn: 'arn:aws:s3:::bucket' }));
  t.notOk(accepts({ duration: '10m' }));
  t.notOk(accepts({ duration: '13h' }));
  t.notOk(accepts({ session_name: 'with space' }));
  t.notOk(accepts({ session_name: '{caller}{subject}{caller}' }), 'longer than AWS takes');
  t.notOk(accepts({ session_name: '{sub}' }));
  const Statement = [{ Effect: 'Allow', Action: 'x'.repeat(2_048), Resource: '*' }];
  t.notOk(accepts({ session_policy: { Version: '2012-10-17', Statement } }));
  t.notOk(accepts({ session_policy: { Version: '2012-10-17', Statement: [] } }));
  t.end();
});

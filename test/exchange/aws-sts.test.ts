// What AWS's Security Token Service says, and what it means for a call: its answers and errors are XML, read without a parser,
// so that what is odd in any way counts for nothing.

import fc from 'fast-check';
import { test } from 'tap';
import type { Reason } from '../../src/base/errors.ts';
import { readXml } from '../../src/exchange/xml.ts';
import { aws, startFederation } from '../support/exchange-federation.ts';
import { problem } from '../support/exchange-vendors/aws-sts.ts';
import { refusal } from '../support/exchange-world.ts';

const errors: readonly (readonly [status: number, code: string, message: string, reason: Reason, told: number])[] = [
  [400, 'InvalidIdentityToken', 'Incorrect token audience', 'subject_token_rejected', 401],
  [400, 'ExpiredTokenException', 'Token expired: current date/time', 'subject_token_rejected', 401],
  [403, 'IDPRejectedClaim', 'The identity provider reported that authentication failed', 'subject_token_rejected', 401],
  [400, 'InvalidIdentityToken', "Couldn't retrieve verification key from your identity provider", 'issuer_failed', 503],
  [400, 'InvalidIdentityToken', 'No OpenIDConnect provider found in your account', 'exchange_misconfigured', 503],
  [400, 'IDPCommunicationError', 'could not be reached', 'issuer_failed', 503],
  [403, 'AccessDenied', 'Not authorized to perform sts:AssumeRoleWithWebIdentity', 'exchange_denied', 403],
  [400, 'PackedPolicyTooLarge', 'Packed policy consumes 137% of allotted space', 'exchange_misconfigured', 503],
  [400, 'MalformedPolicyDocument', 'Syntax errors in policy', 'exchange_misconfigured', 503],
  [400, 'ValidationError', '1 validation error detected', 'exchange_misconfigured', 503],
  [403, 'RegionDisabledException', 'STS is not activated in this region', 'exchange_misconfigured', 503],
  [400, 'Throttling', 'Rate exceeded', 'issuer_failed', 503],
  [503, 'ServiceUnavailable', 'try later', 'issuer_failed', 503],
  [500, 'InternalFailure', 'oops', 'issuer_failed', 503],
  [403, 'SomethingNew', 'nobody knows', 'exchange_denied', 403],
  [400, 'SomethingNew', 'nobody knows', 'exchange_misconfigured', 503],
];

test('its errors: the agent’s to mend, not allowed, or try again shortly', async (t) => {
  const { gate, call, vendor, world } = await startFederation(t, aws);
  const { broker } = gate();
  for (const [status, code, message, reason, told] of errors) {
    const { body, headers } = problem(status, code, message);
    vendor.answerWith((response) => response.writeHead(status, headers).end(body));
    const refused = await refusal(broker.arm(call()));
    t.match(refused, { reason, status: told }, code);
    if (status < 500) t.ok(refused.detail?.startsWith(`${code}: ${message.slice(0, 12)}`), code);
    t.equal(refused.retryAfter, told === 503 ? 1 : undefined);
    world.clock.pass(60);
  }
});

test('a bad token of the gate’s own is not the agent’s to mend', async (t) => {
  const { gate, call, world } = await startFederation(t, aws);
  const old = await world.issuer.mint('postern', { audience: aws.audience, lifetime: 5 });
  world.clock.pass(60);
  const sources = { own: { source: 'env', value: old.token.reveal().replace(/\.[^.]*\./, '.e30.') } };
  const story = { sources, exchanges: undefined };
  const { broker } = gate({ subject_source: 'own' }, { sources: story.sources });
  t.match(await refusal(broker.arm(call())), { reason: 'exchange_misconfigured', status: 503 });
});

test('the token, quoted by STS in its message, is told to nobody', async (t) => {
  const { gate, call, vendor, alice } = await startFederation(t, aws);
  const token = alice.token.reveal();
  const { body, headers } = problem(400, 'InvalidIdentityToken', `cannot read ${token}`);
  vendor.answerWith((response) => response.writeHead(400, headers).end(body));
  const refused = await refusal(gate().broker.arm(call()));
  t.notOk(refused.detail?.includes(token.slice(0, 30)));
});

test('an answer that is odd in any way is no answer', async (t) => {
  const { gate, call, vendor, world } = await startFederation(t, aws);
  const { broker } = gate();
  let name = '';
  const good =
    () => `<R><Arn>arn:aws:sts::1:assumed-role/agents/${name}</Arn><Credentials><AccessKeyId>ASIAXXXXXXXXXXXXXXXX</AccessKeyId>
    <SecretAccessKey>a/b+c</SecretAccessKey><SessionToken>t=</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></R>`;
  const answers: [what: string, change: (body: string) => string, type?: string][] = [
    ['JSON', () => '{}', 'application/json'],
    ['a page', (body) => body, 'text/html'],
    ['no keys', () => '<R/>'],
    [
      'two keys',
      (body) => body.replace('<SessionToken>', '<AccessKeyId>ASIAYYYYYYYYYYYYYYYY</AccessKeyId><SessionToken>'),
    ],
    ['an element in a text', (body) => body.replace('t=', 't<b/>=')],
    ['no session token', (body) => body.replace(/<SessionToken>.*<\/SessionToken>/, '')],
    ['a token no header can carry', (body) => body.replace('t=', 't&#13;&#10;X: y')],
    ['an entity of its own', (body) => body.replace('t=', '&t;')],
    ['a DOCTYPE', (body) => `<!DOCTYPE R [<!ENTITY t "x">]>${body}`],
    ['a comment', (body) => `${body}<!-- -->`],
    ['CDATA', (body) => body.replace('t=', '<![CDATA[t]]>')],
    ['no end', (body) => body.replace(/<Expiration>.*<\/Expiration>/, '')],
    ['an end in words', (body) => body.replace('2099-01-01T00:00:00Z', 'tomorrow')],
    ['an impossible end', (body) => body.replace('2099-01-01', '2099-13-41')],
    ['another session', (body) => body.replace(name, 'somebody')],
  ];
  const serve = (change: (body: string) => string, type = 'text/xml') =>
    vendor.answerWith((response, { body }) => {
      name = String(body?.['RoleSessionName']);
      response.writeHead(200, { 'content-type': type }).end(change(good()));
    });
  for (const [what, change, type] of answers) {
    serve(change, type);
    t.equal((await refusal(broker.arm(call()))).reason, 'issuer_answer_malformed', what);
    world.clock.pass(60);
  }
  serve((body) => `<?xml version="1.0" encoding="UTF-8"?>\n${body.replace('a/b+c', 'a&#47;b&#x2b;c')}`);
  t.match((await broker.arm(call())).credential.secret?.reveal(), /"secretAccessKey":"a\/b\+c"/);
});

test('any text that was written is read, and nothing throws', (t) => {
  const headers = { 'content-type': 'text/xml; charset=utf-8' };
  const read = (document: string) => readXml({ headers, body: Buffer.from(document) });
  const escaped = (text: string) => text.replace(/[<>&"']/g, (one) => `&#${one.charCodeAt(0)};`);
  const printable = fc.string({ maxLength: 40 }).filter((text) => text.trim() === text);
  fc.assert(
    fc.property(printable, printable, (secret, other) => {
      const xml = read(`<A><Key>${escaped(secret)}</Key><Keys>${escaped(other)}</Keys></A>`);
      return xml.text('Key') === secret && xml.text('Keys') === other && xml.text('Other') === undefined;
    }),
    { seed: 1, numRuns: 200 },
  );
  const soup = fc.array(
    fc.constantFrom('<', '>', '/', 'Key', ' ', '&', ';', '#', 'x', '1', '<Key>', '</Key>', '<!', '?>'),
  );
  fc.assert(
    fc.property(soup, (parts) => {
      const text = read(parts.join('')).text('Key');
      return text === undefined || !text.includes('<');
    }),
    { seed: 1, numRuns: 500 },
  );
  t.equal(readXml({ headers, body: Uint8Array.of(0xff, 0xfe) }).text('Key'), undefined);
  t.end();
});

// X.509-SVIDs as the agent streams them: rotation is the next message, redaction too; a lost stream is opened again, later
// each time, and meanwhile what was issued holds until its end.

import { test } from 'tap';
import { certificateNamed, gateSpiffeId, otherSpiffeId } from '../../support/exchange-tls.ts';
import { begin, grpcStatus, messageOf } from '../../support/exchange-vendors/spiffe.ts';
import { failureOf, spiffeWorld } from '../../support/spiffe-world.ts';

const one = certificateNamed('svid-1');
const two = certificateNamed('svid-2');
const other = certificateNamed('svid-other');
const updateGap = 100;
const look = 20_000;

test('the certificate with its key, ready for a handshake, and rotated in the middle of the stream', async (t) => {
  const { api, agent, timers } = await spiffeWorld(t);
  agent.issue([[gateSpiffeId, one]]);
  const [pair, same] = await Promise.all([api.x509Svid(undefined), api.x509Svid(gateSpiffeId)]);
  t.equal(pair, same);
  t.match(pair, { spiffeId: gateSpiffeId, fingerprint: one.fingerprint, chain: one.certificate });
  t.equal(pair.key.reveal(), one.key);
  t.equal(pair.expiresAt, Date.UTC(2120, 0, 1));
  t.notMatch(JSON.stringify(pair), /PRIVATE/);

  timers.fire(updateGap);
  const taken = timers.set(updateGap);
  agent.issue([[gateSpiffeId, two]]);
  await taken;
  t.equal((await api.x509Svid(undefined)).fingerprint, two.fingerprint);
  t.equal(agent.calls.length, 1, 'over one stream');
});

test('one of several, the first by default', async (t) => {
  const { api, agent } = await spiffeWorld(t);
  agent.issue([
    [otherSpiffeId, other],
    [gateSpiffeId, one],
  ]);
  t.equal((await api.x509Svid(undefined)).fingerprint, other.fingerprint);
  t.equal((await api.x509Svid(gateSpiffeId)).fingerprint, one.fingerprint);
  t.match(await failureOf(api.x509Svid('spiffe://corp/nobody')), { kind: 'not_issued' });
});

test('no identity: PermissionDenied, and asked again later each time, until there is one', async (t) => {
  const { api, agent, timers, log } = await spiffeWorld(t);
  const failure = await failureOf(api.x509Svid(undefined));
  t.match(failure, { kind: 'not_issued', message: /no identity for this workload \(PermissionDenied\)/ });
  t.match(log.lines[0], { facts: { detail: /register an entry/, retry_ms: 1_000 } });
  for (const pause of [1_000, 2_000, 4_000, 8_000, 16_000, 30_000]) {
    t.strictSame(timers.waiting(), [pause]);
    const next = timers.set(Math.min(pause * 2, 30_000));
    timers.fire(pause);
    await next;
  }
  agent.issue([[gateSpiffeId, one]]);
  const taken = timers.set(updateGap);
  timers.fire(30_000);
  await taken;
  t.equal((await api.x509Svid(undefined)).fingerprint, one.fingerprint);
});

test('what the agent takes back is not shown any more', async (t) => {
  const { api, agent, timers } = await spiffeWorld(t);
  agent.issue([[gateSpiffeId, one]]);
  await api.x509Svid(undefined);
  timers.fire(updateGap);
  const retry = timers.set(1_000);
  agent.issue([]);
  await retry;
  t.match(await failureOf(api.x509Svid(undefined)), { kind: 'not_issued' });
});

test('a socket that goes and comes back: the certificate holds meanwhile', async (t) => {
  const { api, agent, timers, clock } = await spiffeWorld(t);
  agent.issue([[gateSpiffeId, one]]);
  await api.x509Svid(undefined);
  timers.fire(updateGap);
  const retry = timers.set(1_000);
  await agent.stop();
  await retry;
  t.equal((await api.x509Svid(undefined)).fingerprint, one.fingerprint);

  agent.issue([[gateSpiffeId, two]]);
  await agent.start();
  const taken = timers.set(updateGap);
  timers.fire(1_000);
  await taken;
  t.equal((await api.x509Svid(undefined)).fingerprint, two.fingerprint);

  clock.pass(94 * 365 * 86_400);
  t.match(await failureOf(api.x509Svid(undefined)), { message: /has expired/ });
});

test('a stream that keeps silent until its certificate is about to end is opened anew, and not in a hurry', async (t) => {
  const { api, agent, timers, clock, log } = await spiffeWorld(t);
  agent.issue([
    [gateSpiffeId, one],
    [otherSpiffeId, other],
  ]);
  const { expiresAt } = await api.x509Svid(undefined);
  timers.fire(updateGap);
  t.equal(timers.fire(look), 1);
  t.strictSame([timers.waiting(), agent.calls.length], [[look], 1], 'nothing is late');

  clock.pass((expiresAt - clock.now()) / 1_000 - 61);
  timers.fire(look);
  t.strictSame(log.lines, [], 'nor is it a second too early');
  clock.pass(1);
  for (let stream = 2; stream <= 4; stream += 1) {
    const retry = timers.set(1_000);
    timers.fire(look);
    await retry;
    t.equal((await api.x509Svid(undefined)).fingerprint, one.fingerprint, 'it holds meanwhile');
    const taken = timers.set(updateGap);
    timers.fire(1_000);
    await taken;
    t.equal(agent.calls.length, stream, 'an agent that has nothing newer is asked once for each look');
    timers.fire(updateGap);
    t.strictSame(timers.waiting(), [look]);
  }
  t.match(log.lines.at(-1), { level: 'warn', facts: { detail: /no newer X.509-SVID came/, retry_ms: 1_000 } });
  clock.pass(60);
  t.match(await failureOf(api.x509Svid(undefined)), { message: /has expired/ });
});

test('an agent that sends nothing is given up after five seconds', async (t) => {
  const { api, agent, timers } = await spiffeWorld(t);
  agent.answerWith((stream) => begin(stream));
  const failed = failureOf(api.x509Svid(undefined));
  await agent.arrived(1);
  timers.fire(5_000);
  t.match(await failed, { kind: 'timeout' });
});

test('a method the agent does not have is asked for again at the longest pause only', async (t) => {
  const { api, agent, timers } = await spiffeWorld(t);
  agent.refuse(grpcStatus.unimplemented);
  t.match(await failureOf(api.x509Svid(undefined)), { kind: 'refused' });
  t.strictSame(timers.waiting(), [30_000]);
});

const svid = { spiffe_id: gateSpiffeId, x509_svid: one.der.certificate, x509_svid_key: one.der.key };
const bad: Record<string, [object, RegExp]> = {
  'no certificate': [{ ...svid, x509_svid: Buffer.alloc(0) }, /without certificate/],
  'no key': [{ ...svid, x509_svid_key: Buffer.alloc(0) }, /without key/],
  'the certificate of another': [{ ...svid, x509_svid: other.der.certificate }, /another SPIFFE ID/],
  'the key of another': [{ ...svid, x509_svid_key: two.der.key }, /key does not belong/],
  'half a certificate': [{ ...svid, x509_svid: one.der.certificate.subarray(0, 100) }, /cut short/],
  'something after it': [
    { ...svid, x509_svid: Buffer.concat([one.der.certificate, Buffer.from('CANARY')]) },
    /something else/,
  ],
  'a key that is none': [{ ...svid, x509_svid_key: Buffer.from('CANARY-KEY') }, /no unencrypted PKCS#8/],
  'more certificates than a chain has': [
    { ...svid, x509_svid: Buffer.concat(Array<Buffer>(11).fill(one.der.certificate)) },
    /more than 10/,
  ],
};

for (const [what, [content, message]] of Object.entries(bad)) {
  test(`an X.509-SVID with ${what} is not used, and not quoted`, async (t) => {
    const { api, agent, log } = await spiffeWorld(t);
    agent.answerWith((stream) => {
      begin(stream);
      stream.write(messageOf('X509SVIDResponse', { svids: [content] }));
    });
    const failure = await failureOf(api.x509Svid(undefined));
    t.match(failure, { kind: 'malformed', message });
    t.notMatch(JSON.stringify([failure, failure.message, log.lines]), /CANARY/);
  });
}

test('closing ends the stream, without a word and without another try', async (t) => {
  const { api, apis, agent, timers, log } = await spiffeWorld(t);
  agent.issue([[gateSpiffeId, one]]);
  await api.x509Svid(undefined);
  const left = agent.left();
  apis.close();
  await left;
  t.strictSame(timers.waiting(), []);
  t.strictSame(log.lines, []);
});

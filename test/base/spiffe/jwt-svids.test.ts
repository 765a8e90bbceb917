// JWT-SVIDs over a real socket, from an agent whose messages another writer of protobuf makes: asked for with the audience
// alone, kept until half of their life is gone, and what happens when the agent is away or takes them back.

import { decodeJwt } from 'jose';
import { test } from 'tap';
import { stoppedClock } from '../../support/exchange-clock.ts';
import { gateSpiffeId, otherSpiffeId } from '../../support/exchange-tls.ts';
import { begin, framed, grpcStatus, messageOf } from '../../support/exchange-vendors/spiffe.ts';
import { failureOf, jwtSvids, spiffeWorld } from '../../support/spiffe-world.ts';

const audience = 'https://idp.example.com';
const first = { audience, spiffeId: undefined };

test('a JWT-SVID is asked for with its audience and the header no forged request has', async (t) => {
  const { api, agent, timers } = await spiffeWorld(t);
  const svid = await api.jwtSvid(first)();
  t.match(decodeJwt(svid.token.reveal()), { sub: gateSpiffeId, aud: [audience] });
  t.equal(svid.spiffeId, gateSpiffeId);
  t.match(agent.calls, [
    {
      method: 'FetchJWTSVID',
      headers: { 'workload.spiffe.io': 'true', te: 'trailers', 'content-type': 'application/grpc' },
      request: { audience: [audience] },
    },
  ]);
  t.equal(agent.calls[0]?.request.spiffe_id, undefined);
  t.strictSame(timers.waiting(), [], 'and nothing is left waiting');
});

test('one of several identities by its SPIFFE ID, the first without', async (t) => {
  const { api, agent } = await spiffeWorld(t, { identities: [gateSpiffeId, otherSpiffeId] });
  t.equal((await api.jwtSvid(first)()).spiffeId, gateSpiffeId);
  t.equal((await api.jwtSvid({ audience, spiffeId: otherSpiffeId })()).spiffeId, otherSpiffeId);
  t.equal(agent.calls[1]?.request.spiffe_id, otherSpiffeId);
  const failure = await failureOf(api.jwtSvid({ audience, spiffeId: 'spiffe://corp/nobody' })());
  t.match(failure, { kind: 'not_issued', message: /PermissionDenied/ });
});

test('kept until half of its life is gone, and one question for all who wait', async (t) => {
  const { api, agent, clock } = await spiffeWorld(t);
  const read = api.jwtSvid(first);
  const [one, two] = await Promise.all([read(), read()]);
  t.equal(one.token, two.token);
  clock.pass(149);
  t.equal((await read()).token, one.token);
  t.equal(agent.calls.length, 1);
  clock.pass(1);
  t.not((await read()).token, one.token);
  t.equal(agent.calls.length, 2);
});

test('while the agent is away what it issued holds, until its end and no longer', async (t) => {
  const { api, agent, clock, log } = await spiffeWorld(t);
  const read = api.jwtSvid(first);
  const { token } = await read();
  await agent.stop();
  clock.pass(200);
  t.equal((await read()).token, token);
  t.equal((await read()).token, token);
  t.match(log.lines, [{ level: 'warn', facts: { detail: /is not there/ } }], 'and is not asked for again at once');
  t.equal(log.lines.length, 1);
  clock.pass(100);
  t.match(await failureOf(read()), { kind: 'unreachable', message: /agent\.sock is not there/ });
  await agent.start();
  t.not((await read()).token, token, 'found again on the same socket');
});

test('what the agent took back is not used, although it has not ended', async (t) => {
  const { api, agent, clock } = await spiffeWorld(t);
  const read = api.jwtSvid(first);
  await read();
  agent.refuse(grpcStatus.permissionDenied);
  clock.pass(150);
  t.match(await failureOf(read()), { kind: 'not_issued' });
  t.match(await failureOf(read()), { kind: 'not_issued' });
});

test('an agent that does not answer is given up after five seconds', async (t) => {
  const { api, agent, timers } = await spiffeWorld(t);
  agent.answerWith(() => {});
  const read = api.jwtSvid(first);
  const failed = failureOf(read());
  await agent.arrived(1);
  t.strictSame(timers.waiting(), [5_000]);
  timers.fire(5_000);
  t.match(await failed, { kind: 'timeout' });
});

const answers: Record<string, [Record<string, unknown>, RegExp]> = {
  'another audience': [{ aud: ['https://elsewhere.example'] }, /another audience/],
  'a second audience': [{ aud: [audience, 'https://elsewhere.example'] }, /another audience/],
  'no audience': [{ aud: undefined }, /another audience/],
  'another subject': [{ sub: otherSpiffeId }, /another SPIFFE ID/],
  'no end': [{ exp: undefined }, /no end/],
  'an end that is past': [{ exp: 1 }, /has expired/],
};

for (const [what, [claims, message]] of Object.entries(answers)) {
  test(`a JWT-SVID with ${what} is not passed on`, async (t) => {
    const clock = stoppedClock();
    const { api } = await spiffeWorld(t, { clock, mint: await jwtSvids(clock, claims) });
    t.match(await failureOf(api.jwtSvid(first)()), { kind: 'malformed', message });
  });
}

test('statuses that mean something else than yes', async (t) => {
  const { api, agent } = await spiffeWorld(t);
  const kinds = [
    [grpcStatus.invalidArgument, 'refused'],
    [grpcStatus.unimplemented, 'refused'],
    [grpcStatus.unavailable, 'unavailable'],
    [4, 'timeout'],
    [16, 'not_issued'],
    [99, 'unavailable'],
  ] as const;
  for (const [status, kind] of kinds) {
    agent.refuse(status);
    const failure = await failureOf(api.jwtSvid(first)());
    t.equal(failure.kind, kind, `${status}`);
    t.notMatch(failure.message, /CANARY/, 'its own words are left out');
  }
});

test('an answer without a message, and one with two', async (t) => {
  const { api, agent } = await spiffeWorld(t);
  const svid = { spiffe_id: gateSpiffeId, svid: 'a.e30.c' };
  const message = messageOf('JWTSVIDResponse', { svids: [svid] });
  for (const [bytes, what] of [
    [Buffer.alloc(0), /without a message/],
    [Buffer.concat([message, message]), /more than once/],
    [framed(Buffer.alloc(0)), /holds no identity/],
    [messageOf('JWTSVIDResponse', { svids: [{ ...svid, spiffe_id: '' }] }), /without SPIFFE ID/],
    [messageOf('JWTSVIDResponse', { svids: [{ ...svid, svid: 'not a token' }] }), /no signed JWT/],
  ] as const) {
    agent.answerWith((stream) => {
      begin(stream);
      stream.end(bytes);
    });
    t.match(await failureOf(api.jwtSvid(first)()), { kind: 'malformed', message: what });
  }
});

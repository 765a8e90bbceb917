// Secrets in telemetry. Spans, metrics, audit records and logs go to many hands and stay for months; a token, a cookie, a
// `?key=`, a session id, a prompt or a user's name in any of them is a leak. Here every place a secret can be in holds a
// canary, calls go well and badly, and then every byte that left is searched, compressed or not, encoded or not.

import { test } from 'tap';
import { Refusal } from '../../src/base/errors.ts';
import { Secret } from '../../src/base/secret.ts';
import { createLog } from '../../src/telemetry/log.ts';
import {
  armedCall,
  arrival,
  canaries,
  carryOut,
  credentialFacts,
  permittedCall,
  reply,
  stripped,
} from '../support/telemetry-calls.ts';
import { telemetryWorld } from '../support/telemetry-world.ts';

/** Everything that can be seen from outside, as text. */
async function everything(world: Awaited<ReturnType<typeof telemetryWorld>>): Promise<string> {
  await Promise.all([world.telemetry.flush(), world.copies?.flush()]);
  const wire = world.collector.rawBytes().map((message) => message.toString('latin1'));
  const printed: string[] = [];
  const log = createLog({ level: 'debug', destination: { write: (line) => void printed.push(line) } });
  for (const { facts, message } of world.log.lines) log.info(facts, message);
  return [...wire, await world.telemetry.prometheus(), ...world.audit.all, ...printed].join('\n');
}

function leaked(text: string): string[] {
  return Object.entries(canaries)
    .filter(([, canary]) =>
      [canary, encodeURIComponent(canary), Buffer.from(canary).toString('base64url')].some((form) =>
        text.includes(form),
      ),
    )
    .map(([name]) => name);
}

test('calls that go well', async (t) => {
  const world = await telemetryWorld(t, { audit: { otlp: true } });
  carryOut(world.telemetry.observe, { jti: canaries.rawJti });

  const call = armedCall(world.telemetry.observe, {
    jti: canaries.rawJti,
    facts: { stream: true },
    credential: { expiresAt: undefined },
  });
  const attempt = call.observation.attemptStarted(call, 1);
  attempt.responded(200, ['content-type', 'text/event-stream', 'set-cookie', `s=${canaries.cookie}`]);
  attempt.passed(Buffer.from(`data: {"id":"x","choices":[{"delta":{"content":"${canaries.completion}"}}]}\n\n`));
  attempt.passed(Buffer.from(`data: {"choices":[{"message":"${canaries.completion}","finish_reason":"stop"}]}\n\n`));
  attempt.ended('complete');
  call.observation.replied(reply(call));

  const text = await everything(world);
  t.ok(
    text.includes('chat gpt-5-mini') && text.includes('"event":"postern.access.allowed"'),
    'there was something to search',
  );
  t.strictSame(leaked(text), []);
});

test('calls that go badly, at every stage', async (t) => {
  const world = await telemetryWorld(t, { audit: { otlp: true } });
  const { observe } = world.telemetry;
  const cause = new Error(`the library said ${canaries.issuedToken}`);

  const early = observe(arrival());
  early.observation.refused(early, new Refusal('target_malformed', { cause }));
  const absolute = observe(
    arrival({ target: `http://u:${canaries.agentToken}@h.example/p?key=${canaries.queryKey}#f` }),
  );
  absolute.observation.refused(absolute, new Refusal('target_malformed'));
  const unknown = stripped(observe(arrival()));
  unknown.observation.refused(unknown, new Refusal('token_signature_invalid', { cause }));

  const denied = permittedCall(observe, { jti: canaries.rawJti });
  const exchange = denied.observation.exchangeStarted(denied, {
    exchange: 'corp',
    grant: 'token_exchange',
    endpoint: `https://u:${canaries.issuedToken}@idp.example.com/token?secret=${canaries.queryKey}`,
    audience: undefined,
    scopes: [],
  });
  exchange.failed(new Refusal('exchange_denied', { cause }), `server said ${canaries.userToken}`);
  denied.observation.refused(denied, new Refusal('exchange_denied', { cause }));

  const broken = armedCall(observe, { jti: canaries.rawJti });
  const attempt = broken.observation.attemptStarted(broken, 0);
  attempt.responded(500, ['content-type', 'application/json']);
  attempt.passed(Buffer.from(`{"error":{"message":"bad key ${canaries.issuedToken}"}}`));
  attempt.ended('upstream_error', new Refusal('upstream_answer_malformed', { cause }));
  broken.observation.replied(reply(broken, { status: 500 }));

  world.telemetry.event('postern.config.changed', { key: new Secret(canaries.issuedToken) });
  t.strictSame(leaked(await everything(world)), []);
});

test('MCP: neither the session id nor what tools are given and give', async (t) => {
  const world = await telemetryWorld(t, { audit: { otlp: true } });
  const call = armedCall(world.telemetry.observe, {
    route: { dialect: 'mcp', provider: undefined },
    facts: {
      operation: 'resources/read',
      mcpSession: canaries.mcpSession,
      resource: `https://u:${canaries.agentToken}@files.example/doc?sig=${canaries.queryKey}`,
    },
  });
  const attempt = call.observation.attemptStarted(call, 0);
  attempt.responded(200, ['content-type', 'application/json', 'mcp-session-id', canaries.mcpSession]);
  attempt.passed(Buffer.from(`{"jsonrpc":"2.0","result":{"contents":[{"text":"${canaries.completion}"}]}}`));
  attempt.ended('complete');
  call.observation.replied(reply(call));
  t.strictSame(leaked(await everything(world)), []);
});

test('a failure inside telemetry tells nothing either', async (t) => {
  const world = await telemetryWorld(t, { audit: { otlp: true } });
  const call = armedCall(world.telemetry.observe);
  const facts = {
    ...credentialFacts(),
    get idHash(): string {
      throw new Error(`Bearer ${canaries.issuedToken}`);
    },
  };
  call.observation.replied(reply({ ...call, credential: { ...call.credential, facts } }));
  const text = await everything(world);
  t.ok(text.includes('postern_telemetry_faults_total'));
  t.strictSame(leaked(text), []);
});

test('the search finds what it looks for', async (t) => {
  const world = await telemetryWorld(t, { telemetry: { subject: 'raw' } });
  carryOut(world.telemetry.observe);
  t.strictSame(leaked(await everything(world)), ['userEmail'], 'because the configuration says so');
});

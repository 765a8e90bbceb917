// AWS's own client of the Bedrock runtime and Anthropic's client for Bedrock, through the gate: both hold placeholders, each call
// is signed with the keys of a role session that AWS gave for the user's and the agent's token, and that is good for no more
// than the route asks. An implementation of its own recomputes every signature.

import {
  ConverseCommand,
  ConverseStreamCommand,
  type ConverseStreamOutput,
  InvokeModelCommand,
  InvokeModelWithResponseStreamCommand,
} from '@aws-sdk/client-bedrock-runtime';
import { test } from 'tap';
import { calls, onlyCall } from '../support/e2e-world.ts';
import { awsRegion, awsRole } from '../support/exchange-vendors/aws-account.ts';
import { rejection } from '../support/rejection.ts';
import {
  anthropicClient,
  bedrockClient,
  claude,
  model,
  profile,
  said,
  startBedrockWorld,
} from '../support/vendors-bedrock.ts';

const messages = [{ role: 'user' as const, content: [{ text: 'What is worth stealing?' }] }];
const asked = { model: claude, max_tokens: 8, messages: [{ role: 'user' as const, content: 'hello' }] };
const resource = `arn:aws:bedrock:${awsRegion}::foundation-model/${model}`;

async function textOf(stream: AsyncIterable<ConverseStreamOutput>): Promise<string> {
  let text = '';
  for await (const { contentBlockDelta } of stream) text += contentBlockDelta?.delta?.text ?? '';
  return text;
}

for (const keys of ['bearer', 'dummy'] as const) {
  test(`bedrock, ${keys}: a conversation whole and streamed, by id and by ARN, and invocations`, async (t) => {
    const world = await startBedrockWorld(t);
    const aws = await bedrockClient(t, world, keys);
    const whole = await aws.send(new ConverseCommand({ modelId: model, messages }));
    t.match(whole, { output: { message: { content: [{ text: said }] } }, usage: { inputTokens: 11, totalTokens: 15 } });
    const { stream } = await aws.send(new ConverseStreamCommand({ modelId: profile, messages }));
    t.equal(stream && (await textOf(stream)), said);
    const { body } = await aws.send(
      new InvokeModelCommand({ modelId: model, body: '{"x":"ä"}', guardrailIdentifier: 'g-1', guardrailVersion: '1' }),
    );
    t.match(JSON.parse(body.transformToString()), { content: [{ text: said }], asked: { x: 'ä' } });
    const invoked = await aws.send(new InvokeModelWithResponseStreamCommand({ modelId: profile, body: '{}' }));
    let events = 0;
    for await (const { chunk } of invoked.body ?? []) if (chunk !== undefined) events += 1;
    t.equal(events, 9);

    t.ok(world.bedrock.calls.every(({ status, proof }) => status === 200 && proof === 'signature'));
    t.equal(world.sts.account.sessions.size, 1, 'one session for all calls of the same parties');
    t.notMatch(JSON.stringify(world.bedrock.calls.map(({ headers }) => headers)), /AKIADUMMY|eyJ/);
  });

  test(`anthropic-bedrock, ${keys}: messages whole and streamed`, async (t) => {
    const world = await startBedrockWorld(t);
    const sdk = await anthropicClient(world, keys);
    const whole = await sdk.messages.create(asked);
    t.match(whole, { content: [{ text: said }], usage: { input_tokens: 11 } });
    const streamed = await sdk.messages.stream(asked).finalMessage();
    t.strictSame(streamed.content, whole.content);
    t.match(world.bedrock.calls, [
      { status: 200, proof: 'signature', path: `/model/${claude}/invoke` },
      { status: 200, proof: 'signature', path: `/model/${claude}/invoke-with-response-stream` },
    ]);
  });
}

test('AWS knows the user by the token, CloudTrail the agent by the session, and the audit record all of it', async (t) => {
  const world = await startBedrockWorld(t);
  await (await bedrockClient(t, world)).send(new ConverseCommand({ modelId: model, messages }));
  const [session] = world.sts.account.sessions.values();
  t.match(session, {
    arn: /:assumed-role\/agents\/postern-[\w-]{22}$/,
    claims: { sub: 'user:alice', act: { sub: 'agent:planner' }, aud: 'sts.amazonaws.com' },
    tags: { caller: 'agent:planner', subject: 'user:alice' },
  });
  const { records } = await world.end();
  t.match(onlyCall(records), {
    subject: { sub: 'user:alice' },
    actors: [{ sub: 'agent:planner' }],
    upstream: { request_id: 'bedrock-request-1' },
    route: 'bedrock',
    credential: { kind: 'exchanged', grant: 'aws_web_identity', audience: awsRole },
  });
  for (const secret of [session?.secretAccessKey ?? '', session?.sessionToken ?? '']) {
    t.notOk(JSON.stringify(records).includes(secret));
    t.notOk(JSON.stringify(world.log).includes(secret));
  }
});

test('a session opens what the route asks for, and nothing else', async (t) => {
  const world = await startBedrockWorld(t, {
    route: { scopes: ['bedrock:InvokeModel'], resource: [resource] },
  });
  const aws = await bedrockClient(t, world);
  t.ok(await aws.send(new ConverseCommand({ modelId: model, messages })));
  for (const asking of [
    aws.send(new ConverseStreamCommand({ modelId: model, messages })),
    aws.send(new ConverseCommand({ modelId: profile, messages })),
  ]) {
    const refused = await rejection(asking);
    t.match(refused, { name: 'AccessDeniedException', $metadata: { httpStatusCode: 403 } }, "AWS's own words");
  }
  t.equal(world.sts.account.sessions.size, 1);
});

test('a Bedrock API key instead: made of the session, sent as a bearer token', async (t) => {
  const world = await startBedrockWorld(t, {
    aws: { credential: 'bedrock_api_key' },
    route: { placement: 'bearer' },
  });
  const aws = await bedrockClient(t, world);
  const { stream } = await aws.send(new ConverseStreamCommand({ modelId: model, messages }));
  t.equal(stream && (await textOf(stream)), said);
  t.ok(await (await anthropicClient(world)).messages.create(asked));
  t.strictSame(
    world.bedrock.calls.map(({ proof, status }) => [proof, status]),
    [
      ['key', 200],
      ['key', 200],
    ],
  );
});

test('sessions that were revoked are renewed once, unseen by the agent', async (t) => {
  const world = await startBedrockWorld(t);
  const aws = await bedrockClient(t, world);
  await aws.send(new ConverseCommand({ modelId: model, messages }));
  world.clock.advance(30);
  world.sts.account.revoke();
  await aws.send(new ConverseCommand({ modelId: model, messages }));
  t.strictSame(
    world.bedrock.calls.map(({ status }) => status),
    [200, 403, 200],
  );
});

test('a token for another audience is refused by AWS: not the agent’s to mend, since an issuer of ours made it', async (t) => {
  const world = await startBedrockWorld(t, { audience: 'api' });
  const refused = await rejection(
    (await bedrockClient(t, world)).send(new ConverseCommand({ modelId: model, messages })),
  );
  t.match(refused, { $metadata: { httpStatusCode: 503 } });
  t.match(calls((await world.end()).records), [{ reason: 'exchange_misconfigured' }]);
  t.equal(world.bedrock.calls.length, 0);
});

test('a body over the limit cannot be signed, and is refused before anything is sent', async (t) => {
  const world = await startBedrockWorld(t, { route: { inspection_limit: '64KiB' } });
  const aws = await bedrockClient(t, world);
  const big = new Uint8Array(70_000);
  const refused = await rejection(aws.send(new InvokeModelCommand({ modelId: model, body: big })));
  t.match(refused, { $metadata: { httpStatusCode: 413 } });
  t.ok(await aws.send(new InvokeModelCommand({ modelId: model, body: `"${'x'.repeat(60_000)}"` })));
  t.equal(world.bedrock.calls.length, 1);
});

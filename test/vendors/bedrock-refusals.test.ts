// What the clients of bedrock and anthropic-bedrock make of a call that is not made, or that AWS does not take: errors of their
// own with the right status, and nothing sent where the gate refused.

import { APIError } from '@anthropic-ai/sdk';
import { BedrockRuntimeServiceException, ConverseCommand, ThrottlingException } from '@aws-sdk/client-bedrock-runtime';
import { test } from 'tap';
import { rejection } from '../support/rejection.ts';
import { anthropicClient, bedrockClient, claude, model, startBedrockWorld } from '../support/vendors-bedrock.ts';

const messages = [{ role: 'user' as const, content: [{ text: 'hello' }] }];
const asked = { max_tokens: 8, messages: [{ role: 'user' as const, content: 'hello' }] };
const denied = 'anthropic.claude-opus-5';
const route = { allow: [{ id: 'these', when: `request.model in ["${model}", "${claude}"]` }] };

test('policy, a limit of AWS’s, and no credential to be had', async (t) => {
  const world = await startBedrockWorld(t, { route });
  const aws = await bedrockClient(t, world);
  const anthropic = await anthropicClient(world);
  const both = async (status: number, bedrockModel: string, claudeModel: string, name = '') => {
    const ofAws = await rejection(aws.send(new ConverseCommand({ modelId: bedrockModel, messages })));
    t.ok(ofAws instanceof BedrockRuntimeServiceException);
    t.match(ofAws, { $metadata: { httpStatusCode: status } });
    if (name !== '') t.equal(ofAws.name, name);
    const ofAnthropic = await rejection(anthropic.messages.create({ model: claudeModel, ...asked }));
    t.ok(ofAnthropic instanceof APIError);
    t.match(ofAnthropic, { status });
  };

  await both(403, denied, denied, 'access_denied');
  t.equal(world.bedrock.calls.length, 0, 'AWS has not heard of either');

  world.bedrock.answerWith((response) => {
    response.writeHead(429, { 'content-type': 'application/json', 'x-amzn-errortype': 'ThrottlingException' });
    response.end('{"message":"Too many tokens, please wait before trying again."}');
  });
  await both(429, model, claude, 'ThrottlingException');
  const throttled = await rejection(aws.send(new ConverseCommand({ modelId: model, messages })));
  t.ok(throttled instanceof ThrottlingException);

  world.bedrock.answerWith();
  world.sts.answerWith((response) => response.writeHead(503).end());
  world.clock.advance(3_600);
  const before = world.bedrock.calls.length;
  const fresh = await bedrockClient(t, world);
  const refused = await rejection(fresh.send(new ConverseCommand({ modelId: model, messages })));
  t.match(refused, { $metadata: { httpStatusCode: 503 }, name: 'credential_unavailable' });
  t.equal(world.bedrock.calls.length, before, 'without a credential nothing is sent');
});

test('an old key of AWS’s in the place of the agent’s token', async (t) => {
  const world = await startBedrockWorld(t);
  for (const authorization of [
    'Bearer bedrock-api-key-b2xk',
    'AWS4-HMAC-SHA256 Credential=AKIAOLDOLDOLDOLDOLD1/20261121/eu-central-1/bedrock/aws4_request, SignedHeaders=host, Signature=00',
  ]) {
    const answer = await fetch(`${world.gate}/bedrock/model/${model}/converse`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body: '{}',
    });
    t.equal(answer.status, 401);
    t.match(await answer.json(), { code: /^credential_/ });
  }
  t.equal(world.bedrock.calls.length + world.sts.received.length, 0);
});

test('a presigned request is no proof either, and its parameters go nowhere', async (t) => {
  const world = await startBedrockWorld(t);
  const { token, headers } = await world.credentials();
  const presigned = 'X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00&X-Amz-Security-Token=own-token-of-the-agent';
  const answer = await fetch(`${world.gate}/bedrock/model/${model}/converse?${presigned}`, {
    method: 'POST',
    headers: { ...headers, authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: '{}',
  });
  t.notMatch(JSON.stringify(world.bedrock.calls.map(({ path }) => path)), /X-Amz/);
  t.equal(answer.status, 200, 'the agent’s own token is');
});

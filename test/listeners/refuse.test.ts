// A refusal as the real SDKs see it: each raises its own right exception, with our message and code, and does not retry
// what cannot succeed.

import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import OpenAI from 'openai';
import { test } from 'tap';
import { WebSocket } from 'ws';
import { refuseEverything } from '../support/listeners-refusing.ts';
import { rejection } from '../support/rejection.ts';

const messages = [{ role: 'user' as const, content: 'hello' }];

test('openai raises PermissionDeniedError once for a policy denial', async (t) => {
  const gate = await refuseEverything('openai', 'policy_denied', { detail: 'rule research-only did not hold' });
  t.teardown(() => gate.drain(0));
  const client = new OpenAI({ baseURL: `${gate.url}/openai/v1`, apiKey: 'placeholder', maxRetries: 2 });

  const error = await rejection(client.chat.completions.create({ model: 'gpt-x', messages }));

  t.ok(error instanceof OpenAI.PermissionDeniedError);
  if (!(error instanceof OpenAI.PermissionDeniedError)) return;
  t.equal(error.code, 'access_denied');
  t.match(error.message, /Policy does not allow this call/);
  t.notMatch(JSON.stringify(error), /research-only/);
  t.equal(gate.arrivals.length, 1, 'x-should-retry: false was honoured');
});

test('openai raises AuthenticationError for an expired token', async (t) => {
  const gate = await refuseEverything('openai', 'token_expired');
  t.teardown(() => gate.drain(0));
  const client = new OpenAI({ baseURL: `${gate.url}/openai/v1`, apiKey: 'placeholder' });

  t.ok((await rejection(client.models.list())) instanceof OpenAI.AuthenticationError);
  t.equal(gate.arrivals.length, 1);
});

test('openai retries when the issuer is briefly away', async (t) => {
  const gate = await refuseEverything('openai', 'issuer_unreachable', { retryAfter: 0 });
  t.teardown(() => gate.drain(0));
  const client = new OpenAI({ baseURL: `${gate.url}/openai/v1`, apiKey: 'placeholder', maxRetries: 1 });

  t.ok((await rejection(client.models.list())) instanceof OpenAI.InternalServerError);
  t.equal(gate.arrivals.length, 2);
});

test('anthropic raises its own error types, with ours inside', async (t) => {
  const denied = await refuseEverything('anthropic', 'actor_not_bound');
  const unknown = await refuseEverything('anthropic', 'token_signature_invalid');
  t.teardown(() => Promise.all([denied.drain(0), unknown.drain(0)]));
  const ask = (url: string) =>
    new Anthropic({ baseURL: `${url}/anthropic`, apiKey: 'placeholder' }).messages.create({
      model: 'claude-x',
      max_tokens: 1,
      messages,
    });

  t.ok((await rejection(ask(denied.url))) instanceof Anthropic.PermissionDeniedError);
  t.ok((await rejection(ask(unknown.url))) instanceof Anthropic.AuthenticationError);
  t.match((await rejection(ask(denied.url))).message, /may not act on behalf/);
  t.equal(denied.arrivals.length, 2);
});

test('google genai raises an ApiError with the status', async (t) => {
  const gate = await refuseEverything('gemini', 'policy_denied');
  t.teardown(() => gate.drain(0));
  const client = new GoogleGenAI({ apiKey: 'placeholder', httpOptions: { baseUrl: `${gate.url}/gemini` } });

  const failure = await rejection(client.models.generateContent({ model: 'gemini-x', contents: 'hi' }));
  t.match(failure, { name: 'ApiError', status: 403 });
  t.match(String(failure), /Policy does not allow/);
});

test('an MCP client gets a JSON-RPC error it can show', async (t) => {
  const gate = await refuseEverything('mcp', 'policy_denied');
  t.teardown(() => gate.drain(0));
  const client = new Client({ name: 'test', version: '1.0.0' });

  await t.rejects(
    client.connect(new StreamableHTTPClientTransport(new URL(`${gate.url}/mcp`))),
    /Policy does not allow this call/,
  );
});

test('any other client gets problem+json (RFC 9457) with a challenge on 401 (RFC 6750)', async (t) => {
  const missing = await refuseEverything('problem', 'token_missing');
  const stepUp = await refuseEverything('problem', 'step_up_demanded', {
    challenge: 'error="insufficient_user_authentication", acr_values="urn:mfa"',
  });
  t.teardown(() => Promise.all([missing.drain(0), stepUp.drain(0)]));

  const answer = await fetch(`${missing.url}/tickets`);
  t.equal(answer.status, 401);
  t.equal(answer.headers.get('content-type'), 'application/problem+json');
  t.equal(answer.headers.get('www-authenticate'), 'Bearer realm="postern"');
  t.match(await answer.json(), { type: 'urn:postern:error:credential_required', status: 401 });
  t.match(
    (await fetch(`${stepUp.url}/tickets`)).headers.get('www-authenticate'),
    'Bearer realm="postern", error="insufficient_user_authentication", acr_values="urn:mfa"',
  );
});

test('a refused WebSocket upgrade is answered as HTTP, then closed', async (t) => {
  const gate = await refuseEverything('openai', 'policy_denied');
  t.teardown(() => gate.drain(0));
  const socket = new WebSocket(`${gate.url.replace('http', 'ws')}/openai/v1/realtime`);

  const status = await new Promise((resolve) => {
    socket.on('unexpected-response', (_request, response) => {
      response.resume();
      resolve(response.statusCode);
    });
    socket.on('error', resolve);
  });
  t.equal(status, 403);
});

test('a large upload that is refused gets its answer while it is still sending', async (t) => {
  const gate = await refuseEverything('openai', 'policy_denied');
  t.teardown(() => gate.drain(0));

  const answer = await fetch(`${gate.url}/openai/v1/files`, { method: 'POST', body: Buffer.alloc(4 * 1_048_576) });
  t.equal(answer.status, 403);
});

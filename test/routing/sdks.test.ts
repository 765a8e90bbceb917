// The real SDKs, pointed at the gate as presets tell: their requests are recognised, and every header they send is either
// forwarded, or on the list of those that must not pass. A new SDK release that sends another header fails here first.

import { Anthropic } from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { QdrantClient } from '@qdrant/js-client-rest';
import { OpenAI } from 'openai';
import { type Story, tell } from '../support/routing-sdks.ts';

const messages: { role: 'user'; content: string }[] = [{ role: 'user', content: 'hello' }];
const openai = (gate: string): OpenAI => new OpenAI({ baseURL: `${gate}/openai/v1`, apiKey: 'agent', maxRetries: 0 });
const anthropic = (gate: string): Anthropic =>
  new Anthropic({ baseURL: `${gate}/anthropic`, apiKey: 'agent', maxRetries: 0 });
const gemini = (gate: string): GoogleGenAI =>
  new GoogleGenAI({ apiKey: 'agent', httpOptions: { baseUrl: `${gate}/gemini`, timeout: 5_000 } });
const qdrant = (gate: string): QdrantClient =>
  new QdrantClient({ url: gate, prefix: '/qdrant', apiKey: 'agent', checkCompatibility: false });
const qdrantRoute = { preset: 'qdrant', upstream: 'https://qdrant.example' };

const stories: Record<string, Story> = {
  'openai: chat': {
    route: { preset: 'openai' },
    ask: (gate) => openai(gate).chat.completions.create({ model: 'gpt-5', messages, stream: true }),
    expect: { operation: 'chat', model: 'gpt-5', stream: true },
  },
  'openai: responses': {
    route: { preset: 'openai' },
    ask: (gate) => openai(gate).responses.create({ model: 'gpt-5', input: 'hello' }, { idempotencyKey: 'once' }),
    expect: { operation: 'chat', model: 'gpt-5', stream: false },
  },
  'openai: a file': {
    route: { preset: 'openai' },
    ask: (gate) => openai(gate).files.create({ file: new File(['{}'], 'a.jsonl'), purpose: 'batch' }),
    expect: { operation: 'files.create', model: undefined },
  },
  'openai: a beta': {
    route: { preset: 'openai' },
    ask: (gate) => openai(gate).beta.assistants.list(),
    expect: { operation: undefined },
  },
  'anthropic: a message': {
    route: { preset: 'anthropic' },
    ask: (gate) =>
      anthropic(gate).messages.create({ model: 'claude-haiku-4-5', max_tokens: 8, messages, stream: true }),
    expect: { operation: 'chat', model: 'claude-haiku-4-5', stream: true },
  },
  'anthropic: a message of the beta API': {
    route: { preset: 'anthropic' },
    ask: (gate) =>
      anthropic(gate).beta.messages.create({
        model: 'claude-haiku-4-5',
        max_tokens: 8,
        messages,
        betas: ['files-api-2025-04-14'],
      }),
    expect: { operation: 'chat', model: 'claude-haiku-4-5', stream: false },
  },
  'gemini: content': {
    route: { preset: 'gemini' },
    ask: (gate) => gemini(gate).models.generateContent({ model: 'gemini-2.5-flash', contents: 'hello' }),
    expect: { operation: 'generate_content', model: 'gemini-2.5-flash', stream: false },
  },
  'gemini: streamed content': {
    route: { preset: 'gemini' },
    ask: (gate) => gemini(gate).models.generateContentStream({ model: 'gemini-2.5-flash', contents: 'hello' }),
    expect: { operation: 'generate_content', model: 'gemini-2.5-flash', stream: true },
  },
  'gemini: live': {
    route: { preset: 'gemini' },
    ask: (gate) => gemini(gate).live.connect({ model: 'gemini-live-2.5-flash', callbacks: { onmessage: () => {} } }),
    expect: { operation: 'live', model: undefined, stream: true },
  },
  'qdrant: a search': {
    route: qdrantRoute,
    ask: (gate) => qdrant(gate).query('docs', { query: [0.1, 0.2] }),
    expect: { operation: 'search', resource: 'docs' },
  },
  'qdrant: an odd name': {
    route: qdrantRoute,
    ask: (gate) => qdrant(gate).getCollection('a b@c:d'),
    expect: { operation: 'collections.get', resource: 'a b@c:d' },
  },
  'mcp: the first message': {
    route: { preset: 'mcp', upstream: 'https://mcp.example' },
    ask: (gate) => {
      const headers = { authorization: 'Bearer agent' };
      const transport = new StreamableHTTPClientTransport(new URL(`${gate}/mcp`), { requestInit: { headers } });
      return new Client({ name: 'agent', version: '1' }).connect(transport, { timeout: 2_000 });
    },
    expect: { operation: 'initialize', tool: undefined, rpcId: '0' },
  },
};

tell(stories);

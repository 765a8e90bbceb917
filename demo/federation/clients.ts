// The vendors' own SDKs as the agent uses them: the base URL is the gate's, the key is the handle the agent was given, and the
// trace goes along. That is all there is to change; nothing here knows of federation.

import { AnthropicBedrock } from '@anthropic-ai/bedrock-sdk';
import { AnthropicFoundry } from '@anthropic-ai/foundry-sdk';
import Anthropic from '@anthropic-ai/sdk';
import { AnthropicVertex, type ClientOptions } from '@anthropic-ai/vertex-sdk';
import { BedrockRuntimeClient, ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import { GoogleGenAI } from '@google/genai';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { Pinecone } from '@pinecone-database/pinecone';
import { QdrantClient } from '@qdrant/js-client-rest';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import OpenAI, { AzureOpenAI } from 'openai';
import { z } from 'zod';

/** What an agent has in its hands: where the gate is, and a word that opens nothing else. */
export interface Hands {
  /** Origin of the agent's own gate. */
  readonly gate: string;
  /** What the agent was given in place of its caller's token. */
  readonly handle: string;
  /** Trace context, as any OpenTelemetry SDK hands it on. */
  readonly context: Readonly<Record<string, string>>;
}

export interface ApiClient {
  /** Package it comes in. */
  readonly sdk: string;
  /** @returns the text the API answered with. @throws the SDK's own error. */
  ask(hands: Hands): Promise<string | null | undefined>;
}

const question = 'Who asked, and who called?';
const messages = [{ role: 'user' as const, content: question }];
const message = { max_tokens: 64, messages };

/** By route. */
export const clients: ReadonlyMap<string, ApiClient> = new Map<string, ApiClient>([
  ['openai', { sdk: 'openai', ask: (hands) => chat(openai(hands, '/openai/v1'), 'gpt-5-mini') }],
  [
    'azure-openai',
    { sdk: 'openai (AzureOpenAI)', ask: (hands) => chat(azure(hands, '/azure-openai'), 'research-mini') },
  ],
  [
    'azure-openai-user',
    { sdk: 'openai (AzureOpenAI)', ask: (hands) => chat(azure(hands, '/azure-openai-user'), 'research-mini') },
  ],
  ['anthropic', { sdk: '@anthropic-ai/sdk', ask: (hands) => tell(anthropic(hands), 'claude-haiku-4-5') }],
  [
    'anthropic-vertex',
    { sdk: '@anthropic-ai/vertex-sdk', ask: (hands) => tell(claudeOnVertex(hands), 'claude-sonnet-4-5@20250929') },
  ],
  [
    'anthropic-foundry',
    { sdk: '@anthropic-ai/foundry-sdk', ask: (hands) => tell(claudeOnFoundry(hands), 'claude-haiku-4-5') },
  ],
  ['vertex', { sdk: '@google/genai', ask: (hands) => generate(gemini(hands, '/vertex', vertexProject)) }],
  ['openrouter', { sdk: 'openai', ask: (hands) => chat(openai(hands, '/openrouter/api/v1'), 'openai/gpt-5-mini') }],
  ['huggingface', { sdk: 'openai', ask: (hands) => chat(openai(hands, '/huggingface/v1'), 'acme/small') }],
  ['databricks', { sdk: 'openai', ask: (hands) => chat(openai(hands, '/databricks/serving-endpoints'), 'acme-small') }],
  ['bedrock', { sdk: '@aws-sdk/client-bedrock-runtime', ask: converse }],
  [
    'anthropic-bedrock',
    {
      sdk: '@anthropic-ai/bedrock-sdk',
      ask: (hands) => tell(claudeOnBedrock(hands), 'anthropic.claude-haiku-4-5-v1:0'),
    },
  ],
  ['mcp', { sdk: '@modelcontextprotocol/sdk', ask: (hands) => callTool(hands, '/mcp') }],
  ['tickets', { sdk: 'fetch', ask: (hands) => read(hands, '/tickets/42') }],
  ['orders', { sdk: 'fetch', ask: (hands) => read(hands, '/orders/42') }],
  ['partner-mcp', { sdk: '@modelcontextprotocol/sdk', ask: (hands) => callTool(hands, '/partner-mcp') }],
  ['gemini', { sdk: '@google/genai', ask: (hands) => generate(gemini(hands, '/gemini', {})) }],
  ['qdrant', { sdk: '@qdrant/js-client-rest', ask: searchQdrant }],
  ['pinecone', { sdk: '@pinecone-database/pinecone', ask: searchPinecone }],
]);

function openai({ gate, handle, context }: Hands, path: string): OpenAI {
  return new OpenAI({ baseURL: `${gate}${path}`, apiKey: handle, defaultHeaders: context, maxRetries: 0 });
}

function azure({ gate, handle, context }: Hands, path: string): OpenAI {
  const own = { endpoint: `${gate}${path}`, apiVersion: '2024-10-21' };
  return new AzureOpenAI({ ...own, apiKey: handle, defaultHeaders: context, maxRetries: 0 });
}

async function chat(client: OpenAI, model: string) {
  const { choices } = await client.chat.completions.create({ model, messages });
  return choices[0]?.message.content;
}

function anthropic({ gate, handle, context }: Hands): Anthropic {
  return new Anthropic({ baseURL: `${gate}/anthropic`, apiKey: handle, defaultHeaders: context, maxRetries: 0 });
}

/** What of Google's client is used: the header, with the handle in it. */
function claudeOnVertex({ gate, handle, context }: Hands): AnthropicVertex {
  const getRequestHeaders = async () => new Headers({ authorization: `Bearer ${handle}` });
  // The SDK calls this one method of it, and wants the whole type.
  const authClient = { getRequestHeaders } as unknown as NonNullable<ClientOptions['authClient']>;
  const own = { region: 'europe-west1', projectId: 'research', authClient };
  return new AnthropicVertex({
    ...own,
    baseURL: `${gate}/anthropic-vertex/v1`,
    defaultHeaders: context,
    maxRetries: 0,
  });
}

function claudeOnFoundry({ gate, handle, context }: Hands): AnthropicFoundry {
  const baseURL = `${gate}/anthropic-foundry/anthropic`;
  return new AnthropicFoundry({ baseURL, apiKey: handle, defaultHeaders: context, maxRetries: 0 });
}

function claudeOnBedrock({ gate, handle, context }: Hands): AnthropicBedrock {
  const own = { baseURL: `${gate}/anthropic-bedrock`, awsRegion: 'eu-central-1' };
  return new AnthropicBedrock({ ...own, apiKey: handle, defaultHeaders: context, maxRetries: 0 });
}

async function tell(
  client: Pick<Anthropic, 'messages'> | AnthropicVertex | AnthropicFoundry | AnthropicBedrock,
  model: string,
) {
  const { content } = await client.messages.create({ model, ...message });
  return content[0]?.type === 'text' ? content[0].text : undefined;
}

/** The client speaks HTTP/2 unless told otherwise, and takes further headers only in its middleware. */
async function converse({ gate, handle, context }: Hands) {
  const client = new BedrockRuntimeClient({
    ...{ region: 'eu-central-1', endpoint: `${gate}/bedrock`, requestHandler: new NodeHttpHandler(), maxAttempts: 1 },
    ...{ token: { token: handle }, authSchemePreference: ['httpBearerAuth'] },
  });
  client.middlewareStack.add(
    (next) => (args) => {
      Object.assign(Object(args.request).headers, context);
      return next(args);
    },
    { step: 'build' },
  );
  const content = [{ text: question }];
  const { output } = await client.send(
    new ConverseCommand({ modelId: 'amazon.nova-lite-v1:0', messages: [{ role: 'user', content }] }),
  );
  client.destroy();
  return output?.message?.content?.[0]?.text;
}

const vertexProject = { vertexai: true, project: 'research', location: 'europe-west1' };

function gemini({ gate, handle, context }: Hands, path: string, own: object): GoogleGenAI {
  return new GoogleGenAI({
    ...own,
    apiKey: handle,
    httpOptions: { baseUrl: `${gate}${path}`, headers: { ...context } },
  });
}

async function generate(client: GoogleGenAI) {
  return (await client.models.generateContent({ model: 'gemini-2.5-flash', contents: question })).text;
}

async function callTool({ gate, handle, context }: Hands, path: string) {
  const requestInit = { headers: { authorization: `Bearer ${handle}`, ...context } };
  const client = new Client({ name: 'assistant', version: '1.0.0' });
  await client.connect(new StreamableHTTPClientTransport(new URL(`${gate}${path}`), { requestInit }));
  try {
    const { content } = await client.callTool({ name: 'echo', arguments: { message: question } });
    return z.array(z.looseObject({ text: z.string() })).parse(content)[0]?.text;
  } finally {
    await client.close();
  }
}

async function read({ gate, handle, context }: Hands, path: string) {
  const answer = await fetch(`${gate}${path}`, { headers: { authorization: `Bearer ${handle}`, ...context } });
  if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  return z.looseObject({ title: z.string() }).parse(await answer.json()).title;
}

const named = z.looseObject({ text: z.string() });

async function searchQdrant({ gate, handle, context }: Hands) {
  // In the header that `apiKey` is sent in: over plain http, even on loopback, the SDK would print a warning about that option.
  const headers = { 'api-key': handle, ...context };
  const client = new QdrantClient({ url: gate, prefix: '/qdrant', checkCompatibility: false, headers });
  const { points } = await client.query('docs', { query: [0.1, 0.2], with_payload: true });
  return named.parse(points[0]?.payload).text;
}

async function searchPinecone({ gate, handle, context }: Hands) {
  const client = new Pinecone({ apiKey: handle, additionalHeaders: { ...context }, maxRetries: 0 });
  const index = client.index({ host: `${gate}/pinecone`, namespace: 'docs' });
  const { matches } = await index.query({ topK: 1, vector: [0.1, 0.2], includeMetadata: true });
  return named.parse(matches[0]?.metadata).text;
}

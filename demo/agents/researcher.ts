// The researcher: an agent that other agents call over HTTP. It takes a call only with a token made for it, and acts for the
// same user by handing that token on as the subject, with its own as proof of who it is. Embeds the question, searches the
// vector store, notes the finding with an MCP tool, and has a model write the answer.

import Anthropic from '@anthropic-ai/sdk';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import OpenAI from 'openai';
import { z } from 'zod';
import {
  type Answer,
  BadRequest,
  type DemoCall,
  type Problem,
  sendJson,
  serveVendor,
  type Upstream,
} from '../upstreams/serve.ts';
import { bearerOf } from '../upstreams/verify.ts';
import { type GateOptions, gateUrls, onBehalfOf } from './gate.ts';
import type { OwnToken } from './own-token.ts';
import { createTranscript, type Transcript } from './transcript.ts';

export interface ResearcherOptions extends GateOptions {
  /** Audience of tokens made for this agent, such as agent:researcher. */
  readonly audience: string;
  readonly issuer: string;
  readonly jwksUri: string;
  readonly ownToken: OwnToken;
}

const researchRequest = z.looseObject({ question: z.string().min(1).max(4_000) });
const searchAnswer = z.looseObject({
  result: z.looseObject({ points: z.array(z.looseObject({ payload: z.looseObject({ text: z.string() }) })) }),
});

/** `POST /research` with `{ "question": ... }` answers a {@link Transcript}. */
export function startResearcher(options: ResearcherOptions): Promise<Upstream> {
  const handle = async ({ body, headers, response }: DemoCall) => {
    const asked = researchRequest.safeParse(body);
    if (!asked.success) throw new BadRequest('question is missing');
    const received = bearerOf(headers.authorization) ?? '';
    const traceparent = typeof headers['traceparent'] === 'string' ? headers['traceparent'] : undefined;
    try {
      sendJson(response, 200, await research(options, asked.data.question, onBehalfOf(received, traceparent)));
    } catch (failure) {
      // The message is the gate's or the API's own public one: it says which call failed, and holds no credential.
      sendJson(response, 502, { error: failure instanceof Error ? failure.message.slice(0, 300) : 'failed' });
    }
  };
  return serveVendor(
    {
      credential: (headers) => bearerOf(headers.authorization),
      refusal,
      endpoints: [{ method: 'POST', path: /^\/research$/, scope: undefined, handle }],
    },
    options,
  );
}

async function research(
  options: ResearcherOptions,
  question: string,
  headers: Record<string, string>,
): Promise<Transcript> {
  const urls = gateUrls(options);
  const apiKey = await options.ownToken();
  const transcript = createTranscript('researcher');

  const openai = new OpenAI({ baseURL: urls.openai, apiKey, defaultHeaders: headers, maxRetries: 0 });
  const embedded = await openai.embeddings.create({ model: 'text-embedding-3-small', input: question, dimensions: 32 });
  const query = embedded.data[0]?.embedding ?? [];
  transcript.tell('openai embeddings', `${query.length} dimensions`);

  const source = await search(urls.qdrant, query, { ...headers, 'api-key': apiKey });
  transcript.tell('qdrant query', source);

  const noted = await noteDown(urls.mcp, source, { ...headers, authorization: `Bearer ${apiKey}` });
  transcript.tell('mcp echo', noted);

  const anthropic = new Anthropic({ baseURL: urls.anthropic, apiKey, defaultHeaders: headers, maxRetries: 0 });
  const message = await anthropic.messages.create({
    model: 'claude-sonnet-5',
    max_tokens: 256,
    messages: [{ role: 'user', content: `${question} Use this source: ${source}` }],
  });
  const answer = message.content.map((block) => (block.type === 'text' ? block.text : '')).join('');
  transcript.tell('anthropic messages', answer);
  return { steps: transcript.steps(), answer };
}

async function search(qdrant: string, query: readonly number[], headers: Record<string, string>): Promise<string> {
  const response = await fetch(`${qdrant}/collections/research/points/query`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ query, limit: 1, with_payload: true }),
  });
  if (!response.ok) throw new Error(`qdrant answered ${response.status}: ${(await response.text()).slice(0, 200)}`);
  return searchAnswer.parse(await response.json()).result.points[0]?.payload.text ?? 'nothing found';
}

async function noteDown(endpoint: string, message: string, headers: Record<string, string>): Promise<string> {
  const client = new Client({ name: 'researcher', version: '1.0.0' });
  await client.connect(new StreamableHTTPClientTransport(new URL(endpoint), { requestInit: { headers } }));
  try {
    const { content } = await client.callTool({ name: 'echo', arguments: { message } });
    return z.array(z.looseObject({ text: z.string() })).parse(content)[0]?.text ?? '';
  } finally {
    await client.close();
  }
}

function refusal(problem: Problem, detail: string): Answer {
  const status = new Map<Problem, number>([
    ['invalid_request', 400],
    ['not_found', 404],
    ['too_large', 413],
  ]);
  return { status: status.get(problem) ?? 401, body: { error: problem, detail } };
}

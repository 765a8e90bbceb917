// Anthropic's clients for Vertex AI and Foundry: each moves the model elsewhere, and each wants its credential in its own way.

import { AnthropicFoundry } from '@anthropic-ai/foundry-sdk';
import { AnthropicVertex } from '@anthropic-ai/vertex-sdk';
import { tell } from '../support/routing-sdks.ts';

const messages: { role: 'user'; content: string }[] = [{ role: 'user', content: 'hello' }];

const vertexRoute = { preset: 'anthropic-vertex', upstream: 'https://europe-west1-aiplatform.googleapis.com' };
// What of Google's client is used: the header that proves the agent.
const authClient = { getRequestHeaders: async () => new Headers({ authorization: 'Bearer agent' }) };
const vertex = (gate: string): AnthropicVertex =>
  new AnthropicVertex({
    baseURL: `${gate}/anthropic-vertex/v1`,
    region: 'europe-west1',
    projectId: 'research',
    // @ts-expect-error only this method of it is called
    authClient,
    maxRetries: 0,
  });

const foundryRoute = { preset: 'anthropic-foundry', upstream: 'https://corp.services.ai.azure.com' };
const foundry = (gate: string): AnthropicFoundry =>
  new AnthropicFoundry({ baseURL: `${gate}/anthropic-foundry/anthropic`, apiKey: 'agent', maxRetries: 0 });

tell({
  'anthropic-vertex: a message': {
    route: vertexRoute,
    ask: (gate) => vertex(gate).messages.create({ model: 'claude-sonnet-4-5@20250929', max_tokens: 8, messages }),
    expect: {
      operation: 'chat',
      model: 'claude-sonnet-4-5@20250929',
      resource: 'research/europe-west1',
      stream: false,
    },
  },
  'anthropic-vertex: a streamed message of the beta API': {
    route: vertexRoute,
    ask: (gate) =>
      vertex(gate).beta.messages.create({
        model: 'claude-haiku-4-5',
        max_tokens: 8,
        messages,
        stream: true,
        betas: ['context-1m-2025-08-07'],
      }),
    expect: { operation: 'chat', model: 'claude-haiku-4-5', stream: true },
  },
  'anthropic-vertex: counting tokens': {
    route: vertexRoute,
    ask: (gate) => vertex(gate).messages.countTokens({ model: 'claude-haiku-4-5', messages }),
    expect: { operation: 'count_tokens', model: 'claude-haiku-4-5', resource: 'research/europe-west1' },
  },
  'anthropic-foundry: a message': {
    route: foundryRoute,
    ask: (gate) => foundry(gate).messages.create({ model: 'claude-haiku-4-5', max_tokens: 8, messages, stream: true }),
    expect: { operation: 'chat', model: 'claude-haiku-4-5', stream: true },
  },
  'anthropic-foundry: counting tokens': {
    route: foundryRoute,
    ask: (gate) => foundry(gate).messages.countTokens({ model: 'claude-haiku-4-5', messages }),
    expect: { operation: 'count_tokens', model: 'claude-haiku-4-5' },
  },
});

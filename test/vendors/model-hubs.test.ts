// Hubs of many makers' models that federate: OpenRouter, Hugging Face and Databricks, each by its own dialect of token exchange,
// with OpenAI's client, of which nothing but the base URL is changed.

import { databricks, huggingface, openrouter } from '../support/exchange-federation.ts';
import { federated } from '../support/vendors-arms.ts';
import { tellCompatible } from '../support/vendors-openai-client.ts';

tellCompatible([
  {
    preset: 'openrouter',
    arm: federated(openrouter, ({ tokens }) => tokens),
    path: '/api/v1/chat/completions',
    requestId: 'x-generation-id',
  },
  {
    preset: 'huggingface',
    arm: federated(huggingface, ({ tokens }) => tokens),
    path: '/v1/chat/completions',
    requestId: 'x-request-id',
  },
  {
    preset: 'databricks',
    arm: federated(databricks, ({ tokens }) => tokens, { scopes: ['all-apis'] }),
    path: '/serving-endpoints/chat/completions',
    requestId: 'x-request-id',
  },
]);

// Servers of one's own that speak OpenAI's API: behind something that validates JWTs they get the exchanged token as it is, user and
// agents in it; and one that asks nobody for anything gets nothing.

import { bare, exchanged } from '../support/vendors-arms.ts';
import { tellCompatible } from '../support/vendors-openai-client.ts';

const arm = exchanged('api', ['read']);
const path = '/v1/chat/completions';

tellCompatible([
  { preset: 'openai-compatible', arm, path, requestId: 'x-request-id' },
  { preset: 'vllm', arm, path, requestId: 'x-request-id' },
  { preset: 'ollama', arm: bare, after: '/v1', path },
]);

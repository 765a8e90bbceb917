// Vendors without federation who speak OpenAI's API: a standing key that only the gate holds, and still a user and an agent for
// each call in the records. OpenAI's client, of which nothing but the base URL is changed.

import { standing } from '../support/vendors-arms.ts';
import { tellCompatible } from '../support/vendors-openai-client.ts';

const arm = standing();

tellCompatible([
  { preset: 'groq', arm, after: '/openai/v1', path: '/openai/v1/chat/completions', requestId: 'x-request-id' },
  { preset: 'mistral', arm, after: '/v1', path: '/v1/chat/completions', requestId: 'mistral-correlation-id' },
  { preset: 'xai', arm, path: '/v1/chat/completions', requestId: 'x-request-id' },
  { preset: 'deepseek', arm, path: '/chat/completions', requestId: 'x-ds-trace-id' },
  { preset: 'together', arm, path: '/v1/chat/completions', requestId: 'x-request-id' },
  { preset: 'fireworks', arm, path: '/inference/v1/chat/completions', requestId: 'x-request-id' },
  { preset: 'perplexity', arm, path: '/chat/completions' },
]);

// The clouds' own ways to models, with the SDKs that are at hand.

import { GoogleGenAI } from '@google/genai';
import { AzureOpenAI, OpenAI } from 'openai';
import { tell } from '../support/routing-sdks.ts';

const messages: { role: 'user'; content: string }[] = [{ role: 'user', content: 'hello' }];

const azureRoute = { preset: 'azure-openai', upstream: 'https://corp.openai.azure.com' };
const azure = (gate: string): AzureOpenAI =>
  new AzureOpenAI({ endpoint: `${gate}/azure-openai`, apiVersion: '2024-10-21', apiKey: 'agent', maxRetries: 0 });

const vertexRoute = { preset: 'vertex', upstream: 'https://us-central1-aiplatform.googleapis.com' };
const vertex = (gate: string): GoogleGenAI =>
  new GoogleGenAI({
    vertexai: true,
    project: 'research',
    location: 'us-central1',
    apiKey: 'agent',
    httpOptions: { baseUrl: `${gate}/vertex`, timeout: 5_000 },
  });

tell({
  'azure-openai: chat of a deployment': {
    route: azureRoute,
    ask: (gate) => azure(gate).chat.completions.create({ model: 'research-mini', messages }),
    expect: { operation: 'chat', model: 'research-mini' },
  },
  'azure-openai: the deployment of the client comes before the model of the call': {
    route: azureRoute,
    ask: (gate) =>
      azure(gate).withOptions({ deployment: 'research' }).embeddings.create({ model: 'large', input: 'hello' }),
    expect: { operation: 'embeddings', model: 'research' },
  },
  'azure-openai: a response': {
    route: azureRoute,
    ask: (gate) => azure(gate).responses.create({ model: 'research-mini', input: 'hello', stream: true }),
    expect: { operation: 'chat', model: 'research-mini', stream: true },
  },
  'azure-openai: a transcription': {
    route: azureRoute,
    ask: (gate) => azure(gate).audio.transcriptions.create({ model: 'whisper', file: new File(['x'], 'a.mp3') }),
    expect: { operation: 'audio.transcribe', model: 'whisper' },
  },
  'azure-openai: the v1 API': {
    route: azureRoute,
    ask: (gate) => {
      const client = new OpenAI({ baseURL: `${gate}/azure-openai/openai/v1`, apiKey: 'agent', maxRetries: 0 });
      return client.chat.completions.create({ model: 'research-mini', messages });
    },
    expect: { operation: 'chat', model: 'research-mini', stream: false },
  },
  'vertex: content': {
    route: vertexRoute,
    ask: (gate) => vertex(gate).models.generateContent({ model: 'gemini-2.5-flash', contents: 'hello' }),
    expect: {
      operation: 'generate_content',
      model: 'gemini-2.5-flash',
      resource: 'research/us-central1',
      stream: false,
    },
  },
  'vertex: streamed content': {
    route: vertexRoute,
    ask: (gate) => vertex(gate).models.generateContentStream({ model: 'gemini-2.5-flash', contents: 'hello' }),
    expect: { operation: 'generate_content', model: 'gemini-2.5-flash', stream: true },
  },
  'vertex: an embedding': {
    route: vertexRoute,
    ask: (gate) => vertex(gate).models.embedContent({ model: 'text-embedding-005', contents: 'hello' }),
    expect: { operation: 'predict', model: 'text-embedding-005', resource: 'research/us-central1' },
  },
  'vertex: a tuned model': {
    route: vertexRoute,
    ask: (gate) => {
      const model = 'projects/research/locations/us-central1/endpoints/4711';
      return vertex(gate).models.generateContent({ model, contents: 'hello' });
    },
    expect: { operation: 'generate_content', model: '4711' },
  },
  'vertex: live': {
    route: vertexRoute,
    ask: (gate) => vertex(gate).live.connect({ model: 'gemini-live-2.5-flash', callbacks: { onmessage: () => {} } }),
    expect: { operation: 'live', model: undefined, stream: true },
  },
});

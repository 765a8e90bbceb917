// Clients with ways of their own: Pinecone's two planes, Octokit's encoded slashes, Cohere's generated client.

import { Octokit } from '@octokit/rest';
import { Pinecone } from '@pinecone-database/pinecone';
import { CohereClient, CohereClientV2 } from 'cohere-ai';
import { tell } from '../support/routing-sdks.ts';

const messages: { role: 'user'; content: string }[] = [{ role: 'user', content: 'hello' }];

const control = { preset: 'pinecone' };
const data = { preset: 'pinecone', path: '/pinecone-docs', upstream: 'https://docs-abc123.svc.pinecone.io' };
const pinecone = (gate: string): Pinecone => new Pinecone({ apiKey: 'agent', controllerHostUrl: `${gate}/pinecone` });
const index = (gate: string): ReturnType<Pinecone['index']> =>
  pinecone(gate).index({ host: `${gate}/pinecone-docs`, namespace: 'team-a' });

const github = (gate: string): Octokit => new Octokit({ baseUrl: `${gate}/github`, auth: 'agent' });
const repo = { owner: 'corp', repo: 'gate' };

const cohere = { environment: '', token: 'agent', maxRetries: 0 };

tell({
  'pinecone: an index': {
    route: control,
    ask: (gate) => pinecone(gate).describeIndex('docs'),
    expect: { operation: 'indexes.get', resource: 'docs' },
  },
  'pinecone: a query': {
    route: data,
    ask: (gate) => index(gate).query({ vector: [0.1], topK: 1 }),
    expect: { operation: 'search', resource: 'team-a' },
  },
  'pinecone: an upsert': {
    route: data,
    ask: (gate) => index(gate).upsert({ records: [{ id: 'a', values: [0.1] }] }),
    expect: { operation: 'vectors.upsert', resource: 'team-a' },
  },
  'pinecone: fetching': {
    route: data,
    ask: (gate) => index(gate).fetch({ ids: ['a'] }),
    expect: { operation: 'vectors.get', resource: 'team-a' },
  },
  'pinecone: searching by text': {
    route: data,
    ask: (gate) => index(gate).searchRecords({ query: { topK: 1, inputs: { text: 'hello' } } }),
    expect: { operation: 'search', resource: 'team-a' },
  },
  'pinecone: by name the client asks where to go, past the gate': {
    route: control,
    ask: (gate) =>
      pinecone(gate)
        .index('docs')
        .query({ vector: [0.1], topK: 1 }),
    expect: { operation: 'indexes.get', resource: 'docs' },
  },
  'github: a file, its slashes encoded': {
    route: { preset: 'github' },
    ask: (gate) => github(gate).repos.getContent({ ...repo, path: 'src/a b/index.ts', ref: 'feature/x' }),
    expect: { operation: 'contents.get', resource: 'corp/gate' },
  },
  'github: a branch with a slash': {
    route: { preset: 'github' },
    ask: (gate) => github(gate).repos.getBranch({ ...repo, branch: 'feature/x' }),
    expect: { operation: 'branches.get', resource: 'corp/gate' },
  },
  'github: a ref': {
    route: { preset: 'github' },
    ask: (gate) => github(gate).git.getRef({ ...repo, ref: 'heads/feature/x' }),
    expect: { operation: 'refs.get', resource: 'corp/gate' },
  },
  'github: comparing branches': {
    route: { preset: 'github' },
    ask: (gate) => github(gate).repos.compareCommitsWithBasehead({ ...repo, basehead: 'main...feature/x' }),
    expect: { operation: 'commits.compare', resource: 'corp/gate' },
  },
  'github: an issue': {
    route: { preset: 'github' },
    ask: (gate) => github(gate).issues.create({ ...repo, title: 'Broken hinge' }),
    expect: { operation: 'issues.create', resource: 'corp/gate' },
  },
  'cohere: a streamed chat': {
    route: { preset: 'cohere' },
    ask: (gate) =>
      new CohereClientV2({ ...cohere, environment: `${gate}/cohere` }).chatStream({
        model: 'command-a-03-2025',
        messages,
      }),
    expect: { operation: 'chat', model: 'command-a-03-2025', stream: true },
  },
  'cohere: rerank': {
    route: { preset: 'cohere' },
    ask: (gate) =>
      new CohereClient({ ...cohere, environment: `${gate}/cohere` }).v2.rerank({
        model: 'rerank-v3.5',
        query: 'a',
        documents: ['b'],
      }),
    expect: { operation: 'rerank', model: 'rerank-v3.5' },
  },
});

// GitHub's REST API by Octokit: a standing token that only the gate holds, and still a user and an agent for each call.

import { Octokit } from '@octokit/rest';
import { type Test, test } from 'tap';
import { sendJson } from '../../demo/upstreams/serve.ts';
import type { Answer } from '../support/e2e-upstream.ts';
import { standing } from '../support/vendors-arms.ts';
import { expectAttributed, startVendorGate, type VendorGate } from '../support/vendors-gate.ts';
import { tellRefusals } from '../support/vendors-refusals.ts';

const repo = { owner: 'corp', repo: 'gate' };

const answer: Answer = (response, { method }) => {
  sendJson(response, method === 'POST' ? 201 : 200, { number: 7, title: 'Broken hinge' });
};

function start(t: Test, route = {}): Promise<VendorGate> {
  return startVendorGate(t, { preset: 'github', arm: standing(), route, answer, requestId: 'x-github-request-id' });
}

/** Octokit has no option for further headers: they go with each request. */
function client(gate: VendorGate, auth: string, headers: Record<string, string>): Octokit {
  const octokit = new Octokit({ baseUrl: `${gate.gate}/github`, auth, log: silent });
  octokit.hook.before('request', (options) => {
    Object.assign(options.headers, headers);
  });
  return octokit;
}

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

test('an issue is read, and a file on a branch with slashes in its name', async (t) => {
  const gate = await start(t);
  const { apiKey, headers } = await gate.credentials();
  const octokit = client(gate, apiKey, headers);
  t.equal((await octokit.issues.get({ ...repo, issue_number: 7 })).data.title, 'Broken hinge');
  await octokit.repos.getContent({ ...repo, path: 'src/a b/index.ts', ref: 'feature/x' });
  await expectAttributed(t, gate, [{ operation: 'issues.get' }, { operation: 'contents.get' }]);
});

test('refusals are errors of Octokit', async (t) => {
  const gate = await start(t, { allow: [{ id: 'reading', when: 'request.operation == "issues.get"' }] });
  await tellRefusals(t, gate, {
    ask: (auth, headers) => client(gate, auth, headers).issues.get({ ...repo, issue_number: 7 }),
    askDenied: (auth, headers) => client(gate, auth, headers).issues.create({ ...repo, title: 'Another' }),
    tooMany: { message: 'API rate limit exceeded', documentation_url: 'https://docs.github.com/rest' },
    expect: (status) => [Error, { name: 'HttpError', status }],
  });
});

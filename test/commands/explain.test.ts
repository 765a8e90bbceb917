// postern explain: what would happen to a request and why, stage by stage, without making it; for people and for machines.

import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Test, test } from 'tap';
import { parse, stringify } from 'yaml';
import { systemClock } from '../../src/base/ports.ts';
import { assertPlain, quickstart, run } from '../support/e2e-command.ts';
import { startFrontedIssuer } from '../support/e2e-issuer.ts';

/** The quickstart at an issuer of the test's own, and tokens of planner and alice in files. */
async function world(t: Test) {
  const issuer = await startFrontedIssuer(t, systemClock);
  const { file } = await quickstart(t);
  const config = parse(readFileSync(file, 'utf8'));
  config.trust[0].issuer = issuer.issuer;
  config.exchanges.local.issuer = issuer.issuer;
  config.exchanges.local.token_endpoint = issuer.tokenEndpoint;
  delete config.sts;
  writeFileSync(file, stringify(config));
  const agent = join(dirname(file), 'agent.jwt');
  const user = join(dirname(file), 'user.jwt');
  writeFileSync(agent, await issuer.mint({ sub: 'agent:planner', kind: 'workload' }));
  writeFileSync(user, `${await issuer.mint({ sub: 'user:alice', audience: ['postern', 'agent:planner'] })}\n`);
  return { file, issuer, agent, user };
}

test('allowed: every stage says what it found, and no token is printed', async (t) => {
  const { file, issuer, agent, user } = await world(t);
  const ended = await run(t, ['explain', '/whoami', '--token', `@${agent}`, '--subject', `@${user}`, '--config', file]);
  t.match(ended, { code: 0, stderr: '' });
  for (const line of [
    /strip +header:authorization, header:postern-subject-token/,
    /caller +agent:planner/,
    /subject +user:alice/,
    /bound by audience/,
    /route +whoami -> http:/,
    /allowed by any-agent, policy/,
    /arm +local: token_exchange, at http:.*\/token/,
    /audience whoami, scope profile\.read/,
    /forward +credential in header authorization: Bearer/,
  ]) {
    t.match(ended.stdout, line);
  }
  t.notMatch(ended.stdout, /eyJ/);
  t.equal(issuer.asked.length, 0, 'nothing was exchanged');
});

test('refused: where, why, and what the client is told', async (t) => {
  const { file, user } = await world(t);
  const ended = await run(t, ['explain', '/whoami', '--token', `@${user}`, '--config', file]);
  t.equal(ended.code, 1);
  t.match(ended.stdout, /refused +caller_not_authenticated/);
  t.match(ended.stdout, /the client is told 401 caller_required/);
  assertPlain(t, { ...ended, stdout: '' });
});

test('a file of any size is not read', async (t) => {
  const { file, agent } = await world(t);
  truncateSync(agent, 20_000_000);
  const ended = await run(t, ['explain', '/whoami', '--token', `@${agent}`, '--config', file]);
  t.match(ended.stderr, /cannot read the file/);
  t.equal(ended.stdout, '');
});

test('for machines', async (t) => {
  const { file, agent } = await world(t);
  const allowed = await run(t, [
    'explain',
    'POST',
    '/whoami/x',
    '-d',
    '{}',
    '--token',
    `@${agent}`,
    '--json',
    '--config',
    file,
  ]);
  t.equal(allowed.code, 0);
  t.match(JSON.parse(allowed.stdout), {
    stripped: { slots: ['header:authorization'] },
    known: { binding: 'self', actors: [] },
    routed: { route: 'whoami', facts: { method: 'POST', path: '/x' } },
    permitted: { rule: 'any-agent' },
    plan: { exchange: 'local', audience: 'whoami', scopes: ['profile.read'] },
  });
  const refused = await run(t, [
    'explain',
    '/nowhere',
    '-H',
    'x-api-key: sk-canary-key-000',
    '--json',
    '--config',
    file,
  ]);
  t.equal(refused.code, 1);
  t.match(JSON.parse(refused.stdout), { refusal: { reason: 'token_malformed', status: 401 } });
  t.notMatch(refused.stdout, /sk-canary/);
});

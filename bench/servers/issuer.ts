// The issuer of a run: the embedded one, with the tokens a run needs: one agent's, one user's, and many users' in a file.

import { writeFileSync } from 'node:fs';
import { systemClock } from '../../src/base/ports.ts';
import { startEmbeddedIssuer } from '../../src/sts/issuer.ts';
import { embeddedIssuerSchema } from '../../src/sts/schema.ts';
import { gateClient } from './client.ts';
import { announce, readJob } from './job.ts';

const quiet = { debug() {}, info() {}, warn() {}, error() {} };
const agent = 'agent:planner';

readJob();
const issuer = await startEmbeddedIssuer({
  config: embeddedIssuerSchema.parse({
    listen: '127.0.0.1:0',
    token_ttl: '1h',
    clients: [{ ...gateClient, may_exchange: true }],
    audiences: [{ id: 'https://api.openai.com', scopes: ['model.invoke'] }],
  }),
  clock: systemClock,
  log: quiet,
});

const ttl = 14_400;
const mintUser = (name: string) =>
  issuer.mint({
    sub: `user:${name}`,
    ttl,
    audience: ['postern', agent],
    mayAct: { sub: agent, iss: issuer.issuer },
    claims: { jti: `jti-${name}-0123456789abcdef`, groups: ['research', 'staff'] },
  });

/** { mint: how many, file: where to }: tokens of as many users, one a line. */
process.on('message', (message: { mint: number; file: string }) => {
  void (async () => {
    const tokens: string[] = [];
    for (let i = 0; i < message.mint; i += 1) tokens.push(await mintUser(`many-${i}`));
    writeFileSync(message.file, tokens.join('\n'));
    process.send?.({ minted: tokens.length });
  })();
});

announce(null, {
  issuer: issuer.issuer,
  agent: await issuer.mint({ sub: agent, kind: 'workload', ttl, claims: { jti: 'jti-agent-0123456789abcdef' } }),
  user: await mintUser('alice'),
});

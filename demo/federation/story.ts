// What happens: alice's application calls the agent once, and the agent every API, each twice. Then alice's token ends, and both
// of them try again: the agent with the handle it still has, the application with the token.

import { randomBytes } from 'node:crypto';
import { entraClient } from '../../test/support/exchange-vendors/entra.ts';
import type { Asked } from './agent.ts';
import { serversOf } from './logins.ts';
import type { FederationWorld } from './world.ts';

/** Seconds alice's token lives. */
const userTokenTtl = 900;

/** Her token's life, and a little more, in milliseconds. */
const afterUserToken = (userTokenTtl + 120) * 1_000;

export interface Story {
  /** Trace that alice's application began. */
  readonly traceId: string;
  readonly userToken: string;
  readonly handle: string;
  /** What the agent got. */
  readonly asked: readonly Asked[];
  readonly ended: Ended;
}

/** What came of trying again after the end of alice's token. */
export interface Ended {
  /** Trace of the application's second try. */
  readonly traceId: string;
  readonly asked: readonly Asked[];
  /** Status and public code that the application got. */
  readonly application: string;
  /** Requests that reached any API or token endpoint meanwhile. */
  readonly leaked: number;
}

export async function tellStory(world: FederationWorld): Promise<Story> {
  const { issuer, agent, clock } = world;
  const traceId = randomBytes(16).toString('hex');
  const userToken = await issuer.mint({
    sub: 'alice',
    // For the agent, and for the application that Entra knows it as: it takes on-behalf-of no other token.
    audience: ['postern', 'agent:assistant', entraClient.id],
    ttl: userTokenTtl,
  });
  const answer = await callAgent(world, userToken, traceId);
  if (!answer.ok) throw new Error(`the agent could not be called (${answer.status}): ${await answer.text()}`);
  await answer.text();
  const [handle, asked] = [agent.handle(), agent.asked()];

  clock.advance(afterUserToken);
  const before = requests(world);
  const secondTrace = randomBytes(16).toString('hex');
  const refused = await callAgent(world, userToken, secondTrace);
  await refused.text();
  const again = await agent.again();
  const application = `${refused.status} ${refused.headers.get('postern-error')}`;
  const ended = { traceId: secondTrace, asked: again, application, leaked: requests(world) - before };
  return { traceId, userToken, handle, asked, ended };
}

function callAgent({ inbound }: FederationWorld, token: string, traceId: string): Promise<Response> {
  const traceparent = `00-${traceId}-${randomBytes(8).toString('hex')}-01`;
  return fetch(`${inbound}/ask`, { method: 'POST', headers: { authorization: `Bearer ${token}`, traceparent } });
}

function requests({ vendors, logins }: FederationWorld): number {
  const atApis = vendors.reduce((sum, { api }) => sum + api.arrivals().length, 0);
  return serversOf(logins).reduce((sum, { received }) => sum + received.length, atApis);
}

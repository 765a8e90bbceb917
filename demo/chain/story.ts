// What happens when all is well: the user's app calls the planner, the planner the researcher, the researcher the tool. And the
// beginning of such a flow, held open at both agents, for the attacks to start from.

import { randomBytes } from 'node:crypto';
import type { Task } from './agents.ts';
import type { ChainWorld, Sidecar } from './world.ts';

/** Seconds a user's token lives. */
const userTokenTtl = 600;

export interface Story {
  /** Trace that the user's app began. */
  readonly traceId: string;
  /** The user's call, as the planner's sidecar recorded it. */
  readonly requestId: string;
  readonly status: number;
  readonly answer: string;
}

/** What each agent has in its hands in the middle of a flow. */
export interface Flow {
  readonly traceId: string;
  readonly atPlanner: Task;
  readonly atResearcher: Task;
}

export const question = 'Who may act for whom?';

export async function tellStory(world: ChainWorld): Promise<Story> {
  const { traceId, answer } = await callPlanner(world, '/ask');
  return { traceId, status: answer.status, requestId: requestIdOf(answer), answer: await answer.text() };
}

/** A user's flow of its own: another token, another trace, other handles. */
export async function beginFlow(world: ChainWorld): Promise<Flow> {
  const { planner, researcher } = world;
  const { traceId, atPlanner } = await reachPlanner(world);
  const headers = { authorization: `Bearer ${atPlanner.handle}`, ...atPlanner.context };
  const passedOn = await atPlanner.fetch(`${planner.outbound}/researcher/wait`, { method: 'POST', headers });
  if (!passedOn.ok) throw new Error(`the researcher could not be called (${passedOn.status})`);
  return { traceId, atPlanner, atResearcher: lastTask(researcher) };
}

/** The first half of a flow: nothing has been asked of the issuer yet. */
export async function reachPlanner(world: ChainWorld): Promise<Omit<Flow, 'atResearcher'>> {
  const { traceId, answer } = await callPlanner(world, '/wait');
  if (!answer.ok) throw new Error(`the planner could not be called (${answer.status})`);
  return { traceId, atPlanner: lastTask(world.planner) };
}

/** The user's app: has the user's token, and hands it to the planner's sidecar, which the app takes for the planner. */
export async function callPlanner({ issuer, planner }: ChainWorld, path: string) {
  const traceId = randomBytes(16).toString('hex');
  const token = await issuer.mint({
    sub: 'user:alice',
    audience: ['postern', 'agent:planner'],
    mayAct: { sub: 'agent:planner', iss: issuer.issuer },
    ttl: userTokenTtl,
  });
  const answer = await fetch(`${planner.inbound}${path}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ question }),
  });
  return { traceId, answer };
}

/** The gate's own id of the call, by which its record is found. */
export function requestIdOf(answer: Response): string {
  return answer.headers.get('x-request-id') ?? '';
}

function lastTask({ name, agent }: Sidecar): Task {
  const task = agent.tasks().at(-1);
  if (task === undefined) throw new Error(`nothing reached ${name}`);
  return task;
}

// Attacks on the chain, each really made against the running sidecars by whoever sits in the place of an agent, or of the issuer.
// Every one starts from a flow of its own and says which refusal it must meet; whether it did is for checks.ts to say.

import type { Reason } from '../../src/base/errors.ts';
import type { Claims } from '../recording-issuer.ts';
import { initialize, mcpHeaders } from './agents.ts';
import type { Misbehaviour } from './issuer.ts';
import { beginFlow, callPlanner, type Flow, reachPlanner, requestIdOf } from './story.ts';
import type { ChainWorld, SidecarName } from './world.ts';

/** The sidecars' `handle_ttl` and a little more, in milliseconds. */
const afterHandleTtl = 121_000;

interface Attack {
  readonly name: string;
  /** What was tried, in words. */
  readonly tried: string;
  /** Whose sidecar has to refuse it. */
  readonly at: SidecarName;
  readonly expected: Reason;
  make(world: ChainWorld, flow: Flow): Promise<Response>;
}

export interface Attempt extends Omit<Attack, 'make'> {
  readonly requestId: string;
  /** What the client got: status and public code. */
  readonly status: number;
  readonly code: string | null;
  /** Calls that came out at the other side of the sidecars while it was made. */
  readonly leaked: number;
}

const attacks: readonly Attack[] = [
  {
    name: 'spliced actor',
    tried: "the planner presents a user's token that names agent:writer in may_act",
    at: 'planner',
    expected: 'may_act_mismatch',
    make: async (world) => {
      const mayAct = { sub: 'agent:writer', iss: world.issuer.issuer };
      return splice(world, await world.issuer.mint({ ...stolenFrom('agent:writer'), mayAct }));
    },
  },
  {
    name: 'spliced hop',
    tried: 'the planner presents the token of a hop of agent:writer, in another flow',
    at: 'planner',
    expected: 'actor_not_bound',
    make: async (world) => {
      const act = { sub: 'agent:writer', iss: world.issuer.issuer };
      return splice(world, await world.issuer.mint({ ...stolenFrom('agent:writer'), act }));
    },
  },
  {
    name: 'dropped act',
    tried: 'the issuer forgets act in the token for the researcher',
    at: 'planner',
    expected: 'issued_actor_missing',
    make: async (world) => {
      // In the flow at hand the token for the researcher is in the cache already: nothing would be asked of the issuer.
      const fresh = await reachPlanner(world);
      return misled(world, forgetAct, () => askResearcher(world, fresh));
    },
  },
  {
    name: 'truncated chain',
    tried: 'the issuer leaves the planner out of the chain in the token for the tool',
    at: 'researcher',
    expected: 'issued_chain_changed',
    make: (world, flow) => misled(world, cutChain, () => askTool(world, flow)),
  },
  {
    name: 'skipped hop',
    tried: "the user's app calls the researcher with a token that names no planner",
    at: 'researcher',
    expected: 'policy_denied',
    make: async ({ issuer, researcher }) => {
      const token = await issuer.mint({ sub: 'user:alice', audience: ['postern', 'agent:researcher'] });
      return post(`${researcher.inbound}/wait`, { authorization: `Bearer ${token}` });
    },
  },
  {
    name: 'widened scope',
    tried: 'the issuer grants tools.admin besides, in the token for the tool',
    at: 'researcher',
    expected: 'issued_scope_widened',
    make: (world, flow) => misled(world, widenScope, () => askTool(world, flow)),
  },
  {
    name: 'stolen handle',
    tried: "the researcher uses the planner's handle at its own sidecar",
    at: 'researcher',
    expected: 'handle_unknown',
    make: ({ researcher: { outbound, agent } }, { atPlanner }) =>
      post(`${outbound}/mcp`, { ...mcpHeaders, authorization: `Bearer ${atPlanner.handle}` }, agent.witness.fetch),
  },
  {
    name: 'forged traceparent',
    tried: "on a route that goes by trace: the trace of the researcher's live call, which every upstream has seen",
    at: 'researcher',
    expected: 'trace_subject_unknown',
    // Its trace context but for the proof, which no upstream ever sees.
    make: ({ researcher: { outbound } }, { atResearcher: { context } }) =>
      post(`${outbound}/mcp`, { ...mcpHeaders, traceparent: context.traceparent }),
  },
  {
    name: 'replayed handle',
    tried: "the planner's handle again, after its two minutes",
    at: 'planner',
    expected: 'handle_expired',
    make: async (world, flow) => {
      world.clock.advance(afterHandleTtl);
      return askResearcher(world, flow);
    },
  },
];

export interface Attacked {
  readonly attempts: readonly Attempt[];
  /** How the same call to the tool ended with the trace that the researcher's sidecar had begun itself. */
  readonly ownTrace: number;
}

/** Makes every attack, in order. Reloads the researcher's sidecar first, to have a route that goes by trace. */
export async function attack(world: ChainWorld): Promise<Attacked> {
  await world.goByTrace();
  const { answer } = await callPlanner(world, '/by-trace');
  await answer.text();
  const attempts: Attempt[] = [];
  for (const one of attacks) attempts.push(await attempt(world, one));
  return { attempts, ownTrace: answer.status };
}

async function attempt(world: ChainWorld, { make, ...told }: Attack): Promise<Attempt> {
  const flow = await beginFlow(world);
  const before = arrivals(world);
  const answer = await make(world, flow);
  await answer.text();
  const leaked = arrivals(world) - before;
  return {
    ...told,
    ...{ requestId: requestIdOf(answer), status: answer.status, code: answer.headers.get('postern-error'), leaked },
  };
}

/** Calls that came out of the sidecars: at the researcher, and at the tool. */
function arrivals({ researcher, tool }: ChainWorld): number {
  return researcher.agent.tasks().length + tool.received().length;
}

/** Valid, of the right issuer, in time, for this gate: only made for somebody else's flow. */
function stolenFrom(agent: string) {
  return { sub: 'user:bob', audience: ['postern', agent] };
}

function splice({ planner }: ChainWorld, token: string): Promise<Response> {
  return post(`${planner.outbound}/researcher/wait`, { 'postern-subject-token': token }, planner.agent.witness.fetch);
}

function askResearcher(
  { planner }: ChainWorld,
  { atPlanner: { handle, fetch } }: Pick<Flow, 'atPlanner'>,
): Promise<Response> {
  return post(`${planner.outbound}/researcher/wait`, { authorization: `Bearer ${handle}` }, fetch);
}

function askTool({ researcher }: ChainWorld, { atResearcher: { handle, fetch } }: Flow): Promise<Response> {
  return post(`${researcher.outbound}/mcp`, { ...mcpHeaders, authorization: `Bearer ${handle}` }, fetch);
}

/** While `call` is made, the issuer misbehaves. */
async function misled({ issuer }: ChainWorld, how: Misbehaviour, call: () => Promise<Response>): Promise<Response> {
  issuer.misbehave(how);
  try {
    return await call();
  } finally {
    issuer.misbehave();
  }
}

function forgetAct({ act: _forgotten, ...claims }: Claims): Claims {
  return claims;
}

function cutChain(claims: Claims): Claims {
  const { act: _prior, ...current }: Claims = Object(claims['act']);
  return { ...claims, act: current };
}

function widenScope(claims: Claims): Claims {
  return { ...claims, scope: `${claims['scope']} tools.admin` };
}

function post(url: string, headers: Record<string, string>, send = fetch): Promise<Response> {
  return send(url, { method: 'POST', headers, body: initialize });
}

// The whole story: a user asks agent planner; planner calls a model, then agent researcher; researcher queries retrieval,
// calls a tool and another model. Real SDKs, real servers, every call through the gate; then what each side saw of it.
// Fails when any fact does not hold.

import { randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { runPlanner } from './agents/planner.ts';
import type { Transcript } from './agents/transcript.ts';
import { trespass } from './agents/trespass.ts';
import { type Check, checkFacts } from './checks.ts';
import type { DecodedSpan } from './collector.ts';
import { type Hop, joinHops } from './hops.ts';
import { keepRunning } from './keep-running.ts';
import { heading, indent, printChecks, printDelegation, printHop, printTrace } from './print.ts';
import { type DemoWorld, startWorld } from './world.ts';

const question = 'How do agents keep the chain of delegation?';

interface Outcome {
  readonly transcript: Transcript;
  /** What the SDK raised for the call that may not happen. */
  readonly refused: string | undefined;
  readonly hops: readonly Hop[];
  readonly spans: readonly DecodedSpan[];
  readonly checks: readonly Check[];
}

/** @returns the exit code: 0 when every fact holds. */
export async function runHops(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { json: { type: 'boolean', default: false }, keep: { type: 'boolean', default: false } },
  });
  const world = await startWorld('warn');
  try {
    const outcome = await play(world, values.keep);
    if (values.json) console.log(JSON.stringify(forMachines(outcome), null, 2));
    else tell(outcome);
    if (values.keep) await keepRunning(world.app);
    return outcome.checks.every(({ holds }) => holds) ? 0 : 1;
  } finally {
    await world.close();
  }
}

async function play(world: DemoWorld, keep: boolean): Promise<Outcome> {
  const { app, issuer, collector, upstreams } = world;
  const traceId = randomBytes(16).toString('hex');
  const userToken = await issuer.mint({
    sub: 'user:alice',
    audience: ['postern', 'agent:planner'],
    mayAct: { sub: 'agent:planner', iss: issuer.issuer },
  });
  const tokens: string[] = [userToken];
  const planner = {
    gate: app.outboundUrl,
    ownToken: async () => {
      const token = await world.plannerToken();
      tokens.push(token);
      return token;
    },
    userToken,
    traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01`,
  };
  const transcript = await runPlanner({ ...planner, question });
  const refused = await trespass(planner);
  if (!keep) await world.stopGate();
  const records = await recordsOf(world, keep);
  const spans = collector.spans();
  const facts = [...upstreams.values()].flatMap((upstream) => upstream.received());
  const hops = joinHops(records, spans, facts);
  const exported = `${collector
    .rawBytes()
    .map((bytes) => bytes.toString('latin1'))
    .join('')}${JSON.stringify(records)}`;
  return { transcript, refused, hops, spans, checks: checkFacts({ hops, refused, spans, traceId, tokens, exported }) };
}

/** A gate that goes on running has exported nothing yet of its last calls: wait for the span of every record. */
async function recordsOf({ audit, collector }: DemoWorld, running: boolean) {
  const records = audit();
  const wanted = records.map(({ span_id }) => span_id);
  if (running) {
    await collector.waitFor(() => wanted.every((id) => collector.spans().some(({ spanId }) => spanId === id)));
  }
  return records;
}

function tell({ transcript, refused, hops, spans, checks }: Outcome): void {
  console.log(heading('Each hop, from three sides'));
  console.log(hops.map(printHop).join('\n\n'));
  console.log(heading('Who acted for whom'));
  console.log(printDelegation(hops));
  console.log(heading('The trace, as decoded from OTLP'));
  console.log(printTrace(spans));
  console.log(heading('The audit log'));
  console.log(indent(hops.map(({ record }) => JSON.stringify(record))));
  console.log(heading('What the user got'));
  console.log(indent([transcript.answer]));
  console.log(heading('What the planner got when it asked for too much'));
  console.log(indent([refused ?? 'it was let through']));
  console.log(heading('What holds'));
  console.log(printChecks(checks));
}

function forMachines({ transcript, refused, hops, spans, checks }: Outcome): object {
  return { checks, answer: transcript.answer, refused, hops, spans };
}

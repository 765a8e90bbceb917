// The chain under attack: user, planner, researcher and tool, each agent behind a sidecar of its own and with nothing in its
// hands but handles; then every way to break that chain, each tried for real and refused. Fails when any fact does not hold.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { gateSecret } from '../recording-issuer.ts';
import { attack } from './attacks.ts';
import { type ChainEvidence, checkChain, recordOf, storyOf } from './checks.ts';
import { printChain } from './print.ts';
import { tellStory } from './story.ts';
import { tamper } from './tamper.ts';
import { type ChainWorld, startChainWorld } from './world.ts';

/** @returns the exit code: 0 when every fact holds. */
export async function runChain(args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: { json: { type: 'boolean', default: false } } });
  const world = await startChainWorld();
  try {
    const evidence = await play(world);
    const checks = checkChain(evidence);
    if (values.json) console.log(JSON.stringify({ checks, ...forMachines(evidence) }, null, 2));
    else console.log(printChain(evidence, checks));
    return checks.every(({ holds }) => holds) ? 0 : 1;
  } finally {
    await world.close();
  }
}

async function play(world: ChainWorld): Promise<ChainEvidence> {
  const { planner, researcher, collector, issuer, tool } = world;
  const story = await tellStory(world);
  const attacked = await attack(world);
  await world.stop();
  const sidecars = [planner, researcher];
  const written = sidecars.map(({ auditFile }) => readFileSync(auditFile, 'utf8'));
  const sent = collector.rawBytes().map((bytes) => bytes.toString('latin1'));
  return {
    ...attacked,
    story,
    records: sidecars.flatMap((sidecar) => sidecar.records().map((record) => ({ by: sidecar.name, record }))),
    spans: collector.spans(),
    received: tool.received(),
    seen: sidecars.map(({ agent }) => agent.witness.seen()).join('\n'),
    seenCount: sidecars.reduce((sum, { agent }) => sum + agent.witness.count(), 0),
    handles: [...new Set(sidecars.flatMap(({ agent }) => agent.tasks().map(({ handle }) => handle)))],
    secrets: [...issuer.tokens(), gateSecret],
    exported: [...sent, ...written].join('\n'),
    tampering: await tamper(researcher.auditFile),
  };
}

/** Facts only: no token and no handle is printed. */
function forMachines(evidence: ChainEvidence): object {
  const { story, attempts, spans, received, tampering } = evidence;
  return {
    answer: story.answer,
    hops: storyOf(evidence),
    attacks: attempts.map((attempt) => ({ ...attempt, record: recordOf(evidence, attempt.requestId)?.record })),
    tampering,
    received,
    spans: spans.filter(({ traceId }) => traceId === story.traceId),
  };
}

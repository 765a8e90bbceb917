// Every vendor's SDK without a vendor's key: one agent that holds nothing asks each API twice, its gate gets each a credential that
// the vendor itself gives, and everybody's account of who acted for whom is held together. Fails when any fact does not hold.

import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { keepRunning } from '../keep-running.ts';
import { checkFederation, type FederationEvidence } from './checks.ts';
import { factsOf, printFederation } from './print.ts';
import { joinRows, readRecords } from './rows.ts';
import { type Story, tellStory } from './story.ts';
import { type FederationWorld, standingKeys, startFederationWorld } from './world.ts';

/** Longest wait for the last calls of a gate that goes on running, in milliseconds; what is not there then does not hold. */
const longestWait = 15_000;

/** @returns the exit code: 0 when every fact holds. */
export async function runFederation(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { json: { type: 'boolean', default: false }, keep: { type: 'boolean', default: false } },
  });
  const world = await startFederationWorld();
  try {
    const evidence = await play(world, values.keep);
    const checks = checkFederation(evidence);
    if (values.json) console.log(JSON.stringify({ checks, ...factsOf(evidence) }, null, 2));
    else console.log(printFederation(evidence, checks));
    if (values.keep) await keepRunning(world.app);
    return checks.every(({ holds }) => holds) ? 0 : 1;
  } finally {
    await world.close();
  }
}

async function play(world: FederationWorld, keep: boolean): Promise<FederationEvidence> {
  const { vendors, collector, issuer } = world;
  const story = await tellStory(world);
  if (!keep) await world.stopGate();
  const records = await recordsOf(world, story, keep);
  const spans = collector.spans();
  const rows = joinRows({ vendors, asked: story.asked, records, spans });
  const received = Object.entries(world.logins).map(
    ([name, { received }]) => [name, JSON.stringify(received)] as const,
  );
  const sessions = [...world.logins.aws.account.sessions.values()];
  const sent = collector.rawBytes().map((bytes) => bytes.toString('latin1'));
  return {
    ...{ story, rows, records, spans, logins: new Map(received) },
    ownTokens: world.ownTokens,
    tokens: issuer.tokens(),
    keys: [...Object.values(standingKeys), ...sessions.map(({ secretAccessKey }) => secretAccessKey)],
    exported: [...sent, world.audit()].join('\n'),
  };
}

/** A gate that goes on running writes and exports its last calls a little later. */
async function recordsOf({ audit, collector }: FederationWorld, { ended }: Story, running: boolean) {
  const isWhole = () => {
    const records = readRecords(audit());
    const refused = records.filter(({ decision }) => decision === 'deny');
    const exported = new Set(collector.spans().map(({ spanId }) => spanId));
    return refused.length > ended.asked.length && records.every(({ span_id }) => exported.has(span_id));
  };
  if (running) await Promise.race([collector.waitFor(isWhole), setTimeout(longestWait, undefined, { ref: false })]);
  return readRecords(audit());
}

// npm run bench [-- --quick] [-- --json] [-- --only=NAME,...]: what Postern costs beside a bare pipeline and beside other
// proxies, on this machine, in one run. Loopback only, bounded, stops by itself, leaves nothing behind.
// BENCH_PEERS=folder: a folder whose node_modules has @fastify/http-proxy, http-proxy-3, @portkey-ai/gateway. See docs/performance.md.

import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { hasWrk } from './load.ts';
import { pinned } from './processes.ts';
import { renderSection } from './report.ts';
import { misses } from './scenarios/misses.ts';
import { posts } from './scenarios/posts.ts';
import { sockets } from './scenarios/sockets.ts';
import { starting } from './scenarios/starting.ts';
import { streamMemory } from './scenarios/stream-memory.ts';
import { streams } from './scenarios/streams.ts';
import { subjects } from './scenarios/subjects.ts';
import { transfers } from './scenarios/transfers.ts';
import { workers } from './scenarios/workers.ts';
import { floor, floorWith, installedPeers, postern, type StartVariant, type Variant } from './variants.ts';
import { startWorld, type World } from './world.ts';

/** Nothing here may run for ever. */
const longestRunMs = 45 * 60_000;

export interface Section {
  readonly name: string;
  readonly title: string;
  readonly result: object;
}

interface Scenario {
  readonly name: string;
  readonly title: string;
  /** Whether `--quick` runs it. */
  readonly quick: boolean;
  readonly run: (world: World, quick: boolean) => Promise<object>;
}

const everything = postern('postern, traces 100 %', { ratio: 1 });
const tenth = postern('postern, traces 10 %', { ratio: 0.1 });
const untraced = postern('postern, traces 0 %', { ratio: 0 });

const scenarios: readonly Scenario[] = [
  {
    name: 'post-1k',
    title: '1 KB JSON POST',
    quick: true,
    run: (world, quick) =>
      withVariants(world, [floor, everything, tenth, untraced], (variants) =>
        posts(world, variants, { bytes: 1_024, rounds: quick ? 7 : 15, seconds: 1 }),
      ),
  },
  {
    name: 'peers',
    title: '1 KB JSON POST, beside proxies that only forward',
    quick: false,
    run: (world) =>
      withVariants(world, [floor, everything, untraced, ...installedPeers()], (variants) =>
        posts(world, variants, { bytes: 1_024, rounds: 9, seconds: 1 }),
      ),
  },
  {
    name: 'post-16k',
    title: '16 KB JSON POST',
    quick: false,
    run: (world) =>
      withVariants(world, [floor, everything, untraced], (variants) =>
        posts(world, variants, { bytes: 16_384, rounds: 9, seconds: 1 }),
      ),
  },
  {
    name: 'post-256k',
    title: '256 KB LLM request, its model read for policy, at the end of the body',
    quick: false,
    run: (world) =>
      withVariants(world, [floor, everything, untraced], (variants) =>
        posts(world, variants, { bytes: 262_144, modelLast: true, rounds: 9, seconds: 1 }),
      ),
  },
  {
    name: 'tls-h1',
    title: '1 KB JSON POST, upstream over TLS, HTTP/1.1',
    quick: false,
    run: (world) =>
      withVariants(world, [floor, everything], (variants) =>
        posts(world, variants, { bytes: 1_024, mount: '/tls1', rounds: 7, seconds: 1 }),
      ),
  },
  {
    name: 'tls-h2',
    title: '1 KB JSON POST, upstream over TLS, HTTP/2',
    quick: false,
    run: (world) =>
      // Not beside the floor: it has nothing for sessions that break under load, and its load generator then waits for ever.
      withVariants(world, [everything], (variants) =>
        posts(world, variants, { bytes: 1_024, mount: '/tls2', rounds: 7, seconds: 1 }),
      ),
  },
  stream('stream-200', 200, 20, false),
  stream('stream-1000', 1_000, 100, false),
  stream('stream-4000', 4_000, 400, false),
  {
    name: 'stream-memory',
    title: 'Memory of an open stream',
    quick: false,
    run: async (world) => ({
      rows: await streamMemory(world, [floorWith, (flags) => postern('postern, traces 100 %', { ratio: 1, flags })]),
    }),
  },
  {
    name: 'websocket',
    title: 'WebSocket echo, 64 sockets, 200 bytes',
    quick: false,
    run: (world) =>
      withVariants(world, [floor, everything], async (variants) => ({
        rows: await sockets(world, variants, { rounds: 5, seconds: 1 }),
      })),
  },
  {
    name: 'transfer',
    title: '64 MiB up and down',
    quick: false,
    run: (world) =>
      withVariants(world, [floor, everything], async (variants) => ({ rows: await transfers(world, variants, 64) })),
  },
  {
    name: 'subjects',
    title: '10,000 subjects, warm, against one',
    quick: false,
    run: (world) => withVariants(world, [everything], ([variant]) => subjects(world, variant, 10_000)),
  },
  {
    name: 'workers',
    title: 'Two workers against one',
    quick: false,
    run: (world) => withVariants(world, [threads(1), threads(2)], (variants) => workers(world, variants)),
  },
  {
    name: 'miss',
    title: 'Cold cache, callers at once with one key',
    quick: true,
    run: (world, quick) => misses(world, untraced, quick ? 500 : 1_000),
  },
  {
    name: 'start',
    title: 'Start to ready, and memory at rest',
    quick: true,
    run: async (world, quick) => ({ rows: await starting(world, quick ? 3 : 7) }),
  },
];

function threads(count: number): StartVariant {
  return postern(`${count} ${count === 1 ? 'worker' : 'workers'}`, { ratio: 0.1, workers: count, core: 'any' });
}

function stream(name: string, count: number, every: number, quick: boolean): Scenario {
  return {
    name,
    title: `${count.toLocaleString('en')} streams, an event every ${every} ms each`,
    quick,
    run: (world) =>
      withVariants(world, [floor, everything], async (variants) => ({
        rows: await streams(world, variants, { streams: count, every, seconds: 6, rounds: 5 }),
      })),
  };
}

function usage(): string {
  const lines = scenarios.map(({ name, title, quick }) => `  ${name.padEnd(14)} ${title}${quick ? ' (quick)' : ''}`);
  return ['usage: npm run bench [-- --quick] [-- --json] [-- --only=NAME,...]', '', ...lines].join('\n');
}

async function withVariants<T>(
  world: World,
  starts: readonly StartVariant[],
  use: (variants: readonly Variant[]) => Promise<T>,
): Promise<T> {
  const variants: Variant[] = [];
  try {
    for (const start of starts) variants.push(await start(world));
    return await use(variants);
  } finally {
    await Promise.all(variants.map((variant) => variant.stop()));
  }
}

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(usage());
  process.exit(0);
}
const only = values.only?.split(',');
const unknown = only?.find((name) => !scenarios.some((scenario) => scenario.name === name));
if (unknown !== undefined) {
  console.error(`bench: there is no scenario "${unknown}"\n\n${usage()}`);
  process.exit(2);
}
const chosen = scenarios.filter(({ name, quick }) =>
  only === undefined ? quick || !values.quick : only.includes(name),
);
setTimeout(() => process.exit(1), longestRunMs).unref();

const machine = {
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: availableParallelism(),
  node: process.version,
  pinned,
  load: hasWrk ? 'wrk' : 'own generator',
};
const sections: Section[] = [];
if (!values.json)
  console.log(`${machine.cpu}, ${machine.cores} cores, node ${machine.node}, load by ${machine.load}\n`);
for (const { name, title, run } of chosen) {
  // A world for each: what one scenario leaves in upstream, issuer or collector is nothing to the next.
  const world = await startWorld();
  const section = { name, title, result: await run(world, values.quick) };
  await world.close();
  sections.push(section);
  if (!values.json) console.log(renderSection(section));
}
if (values.json) console.log(JSON.stringify({ machine, quick: values.quick, sections }, null, 2));
process.exit(0);

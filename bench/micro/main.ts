// What the functions on the path of a call cost, one by one: node bench/micro/main.ts [batches]
// Warm code and warm caches: a whole call costs more than their sum. Good for telling whether a change helped.

import { createGuard, finishGuarded, guardedBy, passGuarded } from '../../src/forwarding/guard.ts';
import { compileRequestHeaders, placeCredential } from '../../src/forwarding/headers.ts';
import { compileResponseHeaders } from '../../src/forwarding/response-headers.ts';
import { answerHeaders, completion } from '../servers/answers.ts';
import { startWorld } from '../world.ts';
import { createBench } from './call.ts';
import { measureAll } from './harness.ts';

const batches = Number(process.argv[2] ?? '60');
const only = process.argv[3];
const world = await startWorld();
const bench = await createBench(world);
const { gate, armed, reply } = bench;
const { stages } = gate;
const writeHeaders = compileRequestHeaders({ guard: true, forwardHeaders: ['x-stainless-*'], setHeaders: {} });
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const readHead = compileResponseHeaders({
  guard: true,
  mcp: false,
  dropResponseHeaders: [],
  sealSession: (_call, id) => id,
  origin: armed.upstream.origin,
  upstreamBase: '',
  gatePath: '/openai',
});
const answerLines = answerHeaders.flatMap((line) => line.split(': '));
const body = Buffer.from(completion());
const event = Buffer.from(`data: ${'x'.repeat(200)}\n\n`);

const context = {
  span: bench.observed.observation.span,
  ids: { rootId: bench.known.chain.rootId, id: '0123456789abcdef', parentId: '0123456789abcdef' },
};

function attempted(telemetry: typeof bench.sampled): void {
  const { observation } = telemetry.observe(bench.arrive(1_024));
  const attempt = observation.attemptStarted(armed, 0);
  attempt.responded(200, answerLines);
  attempt.passed(body);
  attempt.ended('complete');
  observation.replied(reply);
}

const subjects = [
  { name: 'strip', run: () => stages.strip(bench.observed) },
  { name: 'identify, two tokens remembered', run: () => stages.identify(bench.stripped) },
  { name: 'route, 1 KB body', run: () => stages.route(bench.knownAgain(1_024)) },
  { name: 'route, 16 KB body', run: () => stages.route(bench.knownAgain(16_384)) },
  { name: 'route, 256 KB body', run: () => stages.route(bench.knownAgain(262_144)) },
  { name: 'permit', run: () => stages.permit(bench.routed) },
  { name: 'arm, credential cached', run: () => stages.arm(bench.permitted) },
  {
    name: 'request headers and credential',
    run: () => writeHeaders(armed, { placed: placeCredential(armed), traceparent, session: undefined }),
  },
  {
    name: 'response head',
    run: () => readHead(armed, answerLines, guardedBy(armed.credential.secret), false),
  },
  {
    name: 'response guard, 1 KB',
    run: () => {
      return finishGuarded(createGuard(guardedBy(armed.credential.secret)), body);
    },
  },
  {
    name: 'response guard, one event',
    run: () => passGuarded(createGuard(guardedBy(armed.credential.secret)), event),
  },
  {
    name: 'audit record alone',
    run: () =>
      bench.audit.ended(
        { ...reply, decision: 'allow', call: armed, reply, refusal: undefined, durationMs: 3.1 },
        context,
      ),
    settle: bench.flush,
  },
  {
    name: 'observe a call, unsampled, with its audit record',
    run: () => attempted(bench.unsampled),
    settle: bench.flush,
  },
  {
    name: 'observe a call, sampled, with its audit record',
    run: () => attempted(bench.sampled),
    settle: bench.flush,
  },
].filter(({ name }) => only === undefined || name.includes(only));

console.log('function'.padEnd(52), 'least us'.padStart(9), 'median us'.padStart(10));
for (const { name, least, median } of await measureAll(subjects, batches)) {
  console.log(name.padEnd(52), least.toFixed(2).padStart(9), median.toFixed(2).padStart(10));
}
await world.close();
process.exit(0);

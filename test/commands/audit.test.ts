// postern audit: a log that is whole, one that is not, an incident as a person reads it, and the log as it is written.

import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { openAudit } from '../../src/audit/audit.ts';
import { tellIncident } from '../../src/audit/incident.ts';
import { auditSchema } from '../../src/audit/schema.ts';
import { type Question, selectRecords } from '../../src/audit/select.ts';
import { Refusal } from '../../src/base/errors.ts';
import { run as audit } from '../../src/commands/audit.ts';
import { readTime } from '../../src/commands/audit-show.ts';
import { printLines } from '../../src/commands/audit-tail.ts';
import { createTelemetry } from '../../src/telemetry/observe.ts';
import { telemetrySchema } from '../../src/telemetry/schema.ts';
import { ed25519, stranger } from '../support/audit-keys.ts';
import { auditFile, openTrail, rewrite, writtenLog } from '../support/audit-trail.ts';
import { run } from '../support/e2e-command.ts';
import { silentLog } from '../support/log.ts';
import { arrival, arrivedAt, carryOut, coder, permittedCall, planner, stripped } from '../support/telemetry-calls.ts';

/** A planner asks a model and a coder, who is denied a tool; somebody else is not known at all. */
async function incident(file: string): Promise<void> {
  const clock = { now: () => arrivedAt };
  const pseudonym = () => 'u_alice';
  const config = auditSchema.parse({ sink: 'file', file, durability: 'before_response' });
  const log = openAudit({ audit: config, clock, log: silentLog, version: 'test', pseudonym });
  const telemetry = createTelemetry({
    telemetry: telemetrySchema.parse({}),
    ...{ audit: log, pseudonym, env: {}, clock, log: silentLog, version: 'test', elapsed: () => 0 },
  });
  const rawHeaders = ['traceparent', `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`];
  const { observe } = telemetry;
  const at = (seconds: number) => ({ id: `call-${seconds}`, at: arrivedAt + seconds * 1_000 });
  carryOut((call) => observe({ ...call, ...at(1) }), { rawHeaders });
  const tool = {
    rawHeaders,
    actors: [coder, planner],
    facts: { operation: 'tools/call', model: undefined, tool: 'delete' },
  };
  const denied = permittedCall((call) => observe({ ...call, ...at(2) }), tool);
  const exchange = denied.observation.exchangeStarted(denied, {
    ...{
      exchange: 'corp',
      grant: 'token_exchange',
      endpoint: 'https://idp.example.com/token',
      audience: 'mcp',
      scopes: [],
    },
  });
  const refusal = new Refusal('exchange_denied', { detail: 'not for this audience' });
  exchange.failed(refusal, 'invalid_target');
  denied.observation.refused(denied, refusal);
  telemetry.permitted(permittedCall((call) => observe({ ...call, ...at(3) }), { rawHeaders }));
  const unknown = stripped(observe({ ...arrival({ rawHeaders }), ...at(4) }));
  unknown.observation.refused(unknown, new Refusal('token_expired'));
  telemetry.event('postern.config.changed', { digest: 'd' });
  await telemetry.close();
  await log.close();
}

test('verify: a whole log, and what can be said of it', async (t) => {
  const { file } = await writtenLog(t, { key: ed25519.key });
  const key = join(file, '../key.pem');
  writeFileSync(key, ed25519.publicPem);
  const ended = await run(t, ['audit', 'verify', file, '--key', key]);
  t.match(ended, { code: 0, stderr: '' });
  t.match(ended.stdout, /audit\.jsonl: 10 lines, nothing found\./);
  t.match(ended.stdout, /ends +with record 9, [A-Za-z0-9_-]{43}\n +the gate was stopped in order there/);
  t.match(ended.stdout, /signed +up to record 8 \(2026-11-21T12:00:00.000Z\); the 1 lines after it/);
});

test('verify: a key file of any size is not read', async (t) => {
  const { file } = await writtenLog(t, { key: ed25519.key });
  const key = join(file, '../key.pem');
  writeFileSync(key, `${ed25519.publicPem}${'\n'.repeat(70_000)}`);
  const ended = await run(t, ['audit', 'verify', file, '--key', key]);
  t.match(ended, { code: 1, stdout: '', stderr: /cannot read the key/ });
});

test('verify: what was found, at its place; and with the wrong key', async (t) => {
  const { file, lines } = await writtenLog(t, { key: ed25519.key });
  const key = join(file, '../key.pem');
  writeFileSync(key, stranger.publicPem);
  rewrite(file, lines.with(2, (lines[2] ?? '').replace('"n":1', '"n":2')));
  const ended = await run(t, ['audit', 'verify', join(file, '..'), '--key', key]);
  t.equal(ended.code, 1);
  t.ok(ended.stdout.includes(`${file}:3  was changed after it was written\n`));
  t.ok(ended.stdout.includes(`${file}:5  is a checkpoint that is signed with a key that is not among those given\n`));
  t.match(ended.stdout, /by none of the keys given/);
  const json = await run(t, ['audit', 'verify', file, '--json']);
  t.match(JSON.parse(json.stdout), { findings: 1, found: [{ file, line: 3 }], last: { seq: 9 } });
});

test('mistakes of whoever asks', async (t) => {
  const { file } = await writtenLog(t);
  const empty = join(file, '../sub');
  mkdirSync(empty);
  const mistakes: [string[], RegExp][] = [
    [['verify'], /FILE is missing/],
    [['verify', empty], /no \.jsonl file in/],
    [['verify', join(empty, 'none')], /no such file/],
    [['verify', file, '--head', 'abc'], /--head is no digest/],
    [['verify', file, '--expect-seq', '-1'], /argument is ambiguous|--expect-seq is no number/],
    [['verify', file, '--key', file], /is no Ed25519 or P-256 public key/],
    [['verify', file, '--key', join(empty, 'none')], /cannot read the key/],
    [['show', file], /say which records/],
    [['show', file, '--since', 'yesterday'], /is no time/],
    [['show', file, '--since', '5'], /"5" is no time/],
    [['tail', file, '--lines', '1001'], /--lines is no number from 0 to 1000/],
    [['tail'], /name one FILE/],
    [['tail', join(empty, 'none')], /cannot read/],
    [['look', file], /verify, show or tail/],
  ];
  for (const [args, says] of mistakes) await t.rejects(audit(args), { message: says }, args.join(' '));
});

test('show: who, for whom, through whom, what, why not', async (t) => {
  const file = auditFile(t);
  await incident(file);
  const { code, stdout } = await run(t, ['audit', 'show', file, '--trace', 'a'.repeat(32)]);
  t.equal(code, 0);
  t.equal(
    stdout,
    `delegation root-1, 2026-11-21T12:00:00.000Z to 2026-11-21T12:00:00.000Z, trace ${'a'.repeat(32)}
user:u_alice
└─ spiffe://corp/agent/planner
   ├─ 12:00:00.000Z  allowed openai chat gpt-5-mini 200 by rule research-small-models in 0 ms
   │                 exchanged credential for https://api.openai.com (model.invoke), lives 5 min, new
   ├─ 12:00:00.000Z  permitted openai chat gpt-5-mini by rule research-small-models and no end is recorded: still going on, or the gate was stopped
   └─ spiffe://corp/agent/coder
      └─ 12:00:00.000Z  DENIED openai tools/call delete 403 exchange_denied (not for this audience) in 0 ms
                        exchange corp DENIED: token_exchange at idp.example.com:443 for mcp: exchange_denied invalid_target (not for this audience)

calls of nobody that was established, 2026-11-21T12:00:00.000Z to 2026-11-21T12:00:00.000Z, trace ${'a'.repeat(32)}
not established
└─ 12:00:00.000Z  DENIED POST /openai/v1/chat/completions 401 token_expired in 0 ms
`,
  );
});

test('show: each way to ask', async (t) => {
  const file = auditFile(t);
  await incident(file);
  const ask = async (question: Question) => {
    const { delegations, events } = tellIncident((await selectRecords([file], question)).records);
    return [delegations.length, events.length];
  };
  t.strictSame(await ask({ root: 'root-1' }), [1, 0]);
  t.strictSame(await ask({ subject: 'user:u_alice' }), [1, 0]);
  t.strictSame(await ask({ actor: coder }), [1, 0]);
  t.strictSame(await ask({ actor: 'spiffe://corp/agent' }), [0, 0]);
  t.strictSame(await ask({ since: '2026-11-21T11:00:00.000Z', until: '2026-11-21T12:00:00.000Z' }), [2, 1]);
  t.strictSame(await ask({ since: '2026-11-21T12:00:01.000Z' }), [0, 0]);
  t.strictSame(await ask({ trace: 'a'.repeat(32), actor: coder }), [1, 0]);
  t.equal(readTime('15m', { now: () => arrivedAt }), '2026-11-21T11:45:00.000Z');
  t.equal(readTime('2026-11-21T12:00:00Z', { now: () => 0 }), '2026-11-21T12:00:00.000Z');
  t.equal(readTime('2026-11-21', { now: () => 0 }), '2026-11-21T00:00:00.000Z', 'a day begins at midnight UTC');
});

test('tail: the last lines, what comes, and what comes in the next file', async (t) => {
  const file = auditFile(t);
  let now = 0;
  const trail = openTrail({ file, rotation: { size: 1_000_000, age: 60_000 }, now: () => now });
  for (let n = 0; n < 5; n += 1) trail.append('test', { facts: { n } });
  await trail.flush();
  const stop = new AbortController();
  const printed: string[] = [];
  let reached = Promise.withResolvers<void>();
  let wanted = 2;
  const done = printLines({
    ...{ file, last: 2, signal: stop.signal, json: false, lookEveryMs: 1 },
    print(line) {
      printed.push(line.replace(/^\S+ +/, ''));
      if (printed.length === wanted) reached.resolve();
    },
  });
  const until = async (count: number) => {
    wanted = count;
    reached = Promise.withResolvers();
    if (printed.length < count) await reached.promise;
  };
  await until(2);
  trail.append('test', { facts: { n: 5 } });
  await until(3);
  now = 60_000;
  trail.append('test', { facts: { n: 6 } });
  await until(6);
  stop.abort();
  await done;
  t.strictSame(printed, [
    'test {"n":3}',
    'test {"n":4}',
    'test {"n":5}',
    '-- checkpoint: rotated, not signed --',
    '-- a file begins --',
    'test {"n":6}',
  ]);
  await trail.close();
});

test('tail: a file that was set aside twice between two looks', async (t) => {
  const { file, lines } = await writtenLog(t);
  const stop = new AbortController();
  const printed: string[] = [];
  rewrite(file, lines.slice(0, 3));
  await printLines({
    ...{ file, last: 10, signal: stop.signal, json: false, lookEveryMs: 1 },
    print(line) {
      printed.push(line);
      if (printed.length === 3) {
        renameSync(file, `${file}.1`);
        rewrite(file, lines.slice(5, 6));
      }
      if (printed.length === 5) stop.abort();
    },
  });
  t.equal(printed[3], '-- 2 records were not seen: the file was set aside twice meanwhile --');
});

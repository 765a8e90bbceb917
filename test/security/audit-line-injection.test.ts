// Records that an agent writes. Line breaks, quotes and terminal codes in what it sends (path, model, tool, its own name, an
// upstream's request id) would add a line to the log, end a field early, or make the reader's terminal show another story.
// One call is one line of the chain, whatever it says, and what is shown of it holds no control character.

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { test } from 'tap';
import { openAudit } from '../../src/audit/audit.ts';
import { tellIncident } from '../../src/audit/incident.ts';
import { auditSchema } from '../../src/audit/schema.ts';
import { printLines } from '../../src/commands/audit-tail.ts';
import { printIncident } from '../../src/commands/audit-tree.ts';
import { createTelemetry } from '../../src/telemetry/observe.ts';
import { telemetrySchema } from '../../src/telemetry/schema.ts';
import { auditFile, check, linesOf, rewrite, sealedAgain } from '../support/audit-trail.ts';
import { silentLog } from '../support/log.ts';
import { armedCall, arrivedAt, reply } from '../support/telemetry-calls.ts';

const control = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;

const clock = { now: () => arrivedAt };

test('property: whatever the text, the chain holds and has one line for one call', async (t) => {
  const file = auditFile(t);
  const pseudonym = () => 'u_x';
  const audit = openAudit({
    audit: auditSchema.parse({ sink: 'file', file, subject: 'raw' }),
    ...{ clock, log: silentLog, version: 'test', pseudonym },
  });
  const telemetry = createTelemetry({
    telemetry: telemetrySchema.parse({}),
    ...{ audit, pseudonym, env: {}, clock, log: silentLog, version: 'test' },
  });
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.constantFrom('\n{"seq":0,"prev":""}', '\r\n', '","hash":"', '\u2028', '\ud800', '\u001b[2J', '\u202egnp'),
  );
  let calls = 0;
  fc.assert(
    fc.property(hostile, hostile, hostile, (one, two, three) => {
      const call = armedCall(telemetry.observe, {
        method: one,
        target: `/${two}`,
        actors: [three, one],
        rootId: two,
        facts: { model: one, tool: two, operation: three },
        credential: { audience: one, scopesGranted: [two, three], issuer: three },
      });
      call.observation.replied(reply(call, { upstreamRequestId: three }));
      calls += 1;
    }),
    { seed: 1, numRuns: 60 },
  );
  await telemetry.close();
  await audit.close();

  const { found, verdict } = await check(file);
  t.strictSame(found, []);
  t.equal(verdict.lines, calls + 2);
  t.notMatch(readFileSync(file, 'utf8'), control);
  t.notMatch(printIncident(tellIncident(JSON.parse(JSON.stringify(linesOf(file))))), control);
});

test('a log whose lines were written by somebody else is shown without what moves a terminal', async (t) => {
  const file = auditFile(t);
  const evil = {
    event: 'postern.access.allowed',
    time: '\u001b[31m',
    request_id: 'x',
    route: '\u001b]0;owned\u0007',
    decision: 'allow',
  };
  rewrite(
    file,
    sealedAgain([
      { ...evil, trace_id: '\u009b2J' },
      { event: '\u001b[2J', facts: { a: '\u202e' } },
    ]),
  );
  const stop = new AbortController();
  const printed: string[] = [];
  const print = (line: string) => {
    printed.push(line);
    if (printed.length === 2) stop.abort();
  };
  await printLines({ file, last: 10, signal: stop.signal, json: false, print, lookEveryMs: 1 });
  t.equal(printed.length, 2);
  t.notMatch(printed.join('\n'), control);
  t.notMatch(printIncident(tellIncident(JSON.parse(JSON.stringify(linesOf(file))))), control);
});

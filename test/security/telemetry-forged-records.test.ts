// Forged records. What an agent or an issuer chooses (method, path, model, tool, subject, scopes, an upstream's request id)
// is written to JSON lines, span attributes and the /metrics text. Line breaks, quotes, separators or terminal codes in it
// must not add a record, a metric or a chain member, and huge values must not fill disk, queue or backend.

import fc from 'fast-check';
import { test } from 'tap';
import { Refusal } from '../../src/base/errors.ts';
import { armedCall, arrival, reply } from '../support/telemetry-calls.ts';
import { telemetryWorld } from '../support/telemetry-world.ts';

test('property: whatever the text, one call is one line and no new metric', async (t) => {
  const world = await telemetryWorld(t, { telemetry: { traces: { sample_ratio: 0 } } });
  const hostile = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 1_500 }),
    fc.constantFrom(
      '\n{"event":"postern.access.allowed"}',
      '"} 1\nfake_metric 1',
      '\u001b[2J',
      '\u2028',
      '\ud800',
      '>a>',
    ),
  );
  const before = await names(world);
  let written = 0;
  fc.assert(
    fc.property(hostile, hostile, hostile, (one, two, three) => {
      const call = armedCall(world.telemetry.observe, {
        method: one,
        target: `/${two}`,
        actors: [three, one],
        rootId: two,
        facts: { model: one, tool: two, operation: three, method: two, resource: one, rpcId: two, mcpVersion: three },
        credential: { audience: one, scopesGranted: [two, three], issuer: three },
      });
      call.observation
        .attemptStarted(call, 0)
        .ended('upstream_error', new Refusal('upstream_unreachable', { detail: one }));
      call.observation.replied(reply(call, { status: 502, upstreamRequestId: three }));
      written += 1;
      const line = world.audit.lines.at(-1) ?? '';
      if (world.audit.lines.length !== written) throw new Error('not one line for one call');
      if (/[\u0000-\u001f\u2028\u2029]/.test(line)) throw new Error('a control character');
      if (line.length > 12_000) throw new Error(`${line.length} characters`);
    }),
    { seed: 1, numRuns: 40 },
  );
  t.notMatch(await world.telemetry.prometheus(), /fake_metric|\u001b/);
  const known = await names(world);
  t.ok(known.every((name) => /^[a-z_]+$/.test(name)));
  t.ok(before.length <= known.length);
  const sizes = (await world.spans()).flatMap((span) =>
    Object.values(span.attributes).map((value) => String(value).length),
  );
  t.ok(Math.max(...sizes) <= 2_048, 'no attribute is longer than what backends keep');
});

test('a target that is no path is recorded as none', async (t) => {
  const world = await telemetryWorld(t);
  for (const target of ['*', 'host:443', 'http://only-a-host', '?query', '']) {
    const call = world.telemetry.observe(arrival({ target }));
    call.observation.refused(call, new Refusal('target_malformed'));
  }
  t.strictSame(
    world.audit.records().map((record) => record['path']),
    ['/', '/', '/', '/', '/'],
  );
});

async function names(world: Awaited<ReturnType<typeof telemetryWorld>>): Promise<string[]> {
  const text = await world.telemetry.prometheus();
  return [...text.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1] ?? '');
}

// An agent that hides. It sends `traceparent: ...-00` ("not sampled") with calls that are denied, or a traceparent another
// parser might read differently, hoping that no span is exported or that its calls land in somebody else's trace.
// Denials are exported whatever it says, the audit record is always written, and only a well-formed header counts.

import { test } from 'tap';
import { Refusal } from '../../src/base/errors.ts';
import { arrival, carryOut, stripped } from '../support/telemetry-calls.ts';
import { telemetryWorld } from '../support/telemetry-world.ts';

const victim = 'a'.repeat(32);
const header = (flags: string) => `00-${victim}-${'b'.repeat(16)}-${flags}`;

test('a hundred unsampled denials are a hundred spans and a hundred audit records', async (t) => {
  const world = await telemetryWorld(t);
  for (let n = 0; n < 100; n += 1) {
    const call = stripped(world.telemetry.observe(arrival({ rawHeaders: ['traceparent', header('00')] })));
    call.observation.refused(call, new Refusal('token_signature_invalid'));
  }
  const spans = await world.spans();
  t.equal(spans.filter((span) => span.attributes['postern.decision'] === 'deny').length, 100);
  t.equal(world.audit.lines.length, 100);
});

test('an always_off sampler does not hide them either', async (t) => {
  const world = await telemetryWorld(t, { env: { OTEL_TRACES_SAMPLER: 'always_off' } });
  const call = stripped(world.telemetry.observe(arrival()));
  call.observation.refused(call, new Refusal('token_signature_invalid'));
  t.equal((await world.spans()).length, 1);
});

test('two headers, or one with something behind it, join no trace', async (t) => {
  const world = await telemetryWorld(t);
  const tricks = [
    ['traceparent', header('01'), 'TRACEPARENT', header('00')],
    ['traceparent', `${header('01')}, ${header('01')}`],
    ['traceparent', ` ${header('01')}`],
    ['traceparent', header('01').toUpperCase()],
    ['traceparent', `${header('01')}-x`],
  ];
  for (const rawHeaders of tricks) {
    const { attemptTraceparent } = carryOut(world.telemetry.observe, { rawHeaders });
    t.notMatch(attemptTraceparent, victim);
    t.match(attemptTraceparent, /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/, 'exactly one well-formed header goes on');
  }
});

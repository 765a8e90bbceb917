// Configuration of telemetry: shapes and defaults only.
// The standard OTEL_* environment variables override what is written here (environment.ts).
// Must never hold a secret in the clear: exporter headers and the pseudonym key are Secrets from parsing on.

import * as z from 'zod';
import { httpUrl, secretValue, wait } from '../base/scalars.ts';

/** Shortest pseudonym key, in characters: a shorter one lets whoever reads the telemetry guess subjects by trying. */
const minSubjectKey = 16;

/** Shortest time between two pushes, in milliseconds: without any the SDK's reader throws at start, with little it only pushes. */
const leastInterval = 1_000;

const subjectForm = z.enum(['pseudonymous', 'raw', 'omit']);

const headerName = z.string().regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}$/, 'is not a header name');

const traces = z
  .strictObject({
    exporter: z.enum(['otlp', 'none']).default('otlp').describe('Where spans go: an OTLP collector, or nowhere.'),
    sample_ratio: z
      .number()
      .min(0)
      .max(1)
      .default(1)
      .describe('Share of new traces that are recorded, from 0 to 1; a trusted parent decides for its own traces.'),
    parent: z
      .enum(['trust', 'link', 'ignore'])
      .default('trust')
      .describe(
        "What the caller's traceparent is worth: trust continues its trace, link starts a new one linked to it, ignore drops it.",
      ),
    always_sample_denials: z
      .boolean()
      .default(true)
      .describe('Export the spans of denied and failed calls even where sampling says no.'),
  })
  .prefault({});

const metrics = z
  .strictObject({
    exporter: z
      .enum(['otlp', 'none'])
      .default('otlp')
      .describe('Where metrics are pushed; the admin listener serves /metrics either way.'),
    interval: wait
      .refine((milliseconds) => milliseconds >= leastInterval, 'is less than 1s')
      .prefault('60s')
      .describe('Time between two pushes of metrics.'),
  })
  .prefault({});

const correlation = z
  .strictObject({
    adopt: z
      .enum(['none', 'link', 'parent'])
      .default('link')
      .describe(
        'What to do with a token this gate obtained earlier, when it comes back with a call that carries no trace: nothing, link to the exchange, or continue its trace.',
      ),
  })
  .prefault({});

export const telemetrySchema = z
  .strictObject({
    service_name: z.string().min(1).max(128).default('postern').describe('service.name of spans and metrics.'),
    endpoint: httpUrl
      .optional()
      .describe('Base URL of the OTLP/HTTP collector, such as http://127.0.0.1:4318; without one nothing is pushed.'),
    headers: z
      .record(headerName, secretValue)
      .optional()
      .describe('Headers sent to the collector, such as an API key.'),
    traces: traces.describe('Spans.'),
    metrics: metrics.describe('Metrics.'),
    correlation: correlation.describe('How hops of one delegation find each other when agents propagate no trace.'),
    subject: subjectForm
      .default('pseudonymous')
      .describe(
        'How users appear on spans: an HMAC pseudonym, as they are, or not at all. Workloads are always named.',
      ),
    subject_key: secretValue
      .refine((key) => key.length >= minSubjectKey, `is shorter than ${minSubjectKey} characters`)
      .optional()
      .describe(
        'Key of the pseudonyms, to keep them stable over restarts and replicas; random for each start if absent.',
      ),
    hop_attributes: z
      .boolean()
      .default(true)
      .describe(
        'Also write each actor as its own attribute (postern.delegation.hop.1 ...), for backends without arrays.',
      ),
  })
  .prefault({});

export type TelemetryConfig = z.output<typeof telemetrySchema>;
export type SubjectForm = z.output<typeof subjectForm>;

// docs/reference/metrics.md: every metric, from src/telemetry/metric-definitions.ts.

import { createInstruments, type Definition } from '../../src/telemetry/instruments.ts';
import { metricDefinitions } from '../../src/telemetry/metric-definitions.ts';
import { prometheusName } from '../../src/telemetry/prometheus.ts';
import { code, page, table } from './markdown.ts';

const introduction = `# Metrics reference

Pushed over OTLP under their OpenTelemetry names where \`telemetry.endpoint\` is set, and served under their Prometheus names at
\`/metrics\` of the admin listener. Names and labels are a contract with dashboards and alerts; both only change with a notice in the
changelog. Labels come from the configuration or from closed lists, never from what a caller sends.`;

export function metricsPage(): string {
  const all: readonly Definition[] = Object.values(metricDefinitions);
  return page(
    introduction,
    ...all.flatMap((definition) => [
      `## ${code(definition.name)}`,
      definition.description,
      table(
        ['Prometheus', 'Kind', 'Unit', 'Labels', ...(definition.buckets === undefined ? [] : ['Buckets'])],
        [
          [
            code(scrapedName(definition)),
            definition.kind,
            code(definition.unit),
            definition.labels.length === 0 ? 'none' : definition.labels.map(code).join(', '),
            ...(definition.buckets === undefined ? [] : [definition.buckets.join(', ')]),
          ],
        ],
      ),
    ]),
  );
}

/** As /metrics has it: told by the very function that renders it. */
function scrapedName(definition: Definition): string {
  const instruments = createInstruments({ clock: { now: () => 0 } });
  instruments.define(definition).record(1, []);
  return instruments.collect().map(prometheusName).join('');
}

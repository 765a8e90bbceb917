// The /metrics text (Prometheus text format 0.0.4), rendered here because the SDK's exporter leaves out unit suffixes:
// a dashboard must work on scraped and on pushed metrics alike (OpenTelemetry to Prometheus compatibility, with suffixes).
// The names are a contract, held by a test.

import type { Attributes } from '@opentelemetry/api';
import { DataPointType, type MetricData } from '@opentelemetry/sdk-metrics';

export const prometheusContentType = 'text/plain; version=0.0.4; charset=utf-8';

const units: ReadonlyMap<string, string> = new Map([
  ['s', '_seconds'],
  ['ms', '_milliseconds'],
  ['By', '_bytes'],
  ['1', '_ratio'],
]);

/** `postern.token_exchange.duration` in `s` -> `postern_token_exchange_duration_seconds`; counters end in `_total`. */
export function prometheusName(metric: MetricData): string {
  const base = metric.descriptor.name.replace(/[^A-Za-z0-9_]/g, '_');
  const unit = units.get(metric.descriptor.unit) ?? '';
  const name = base.endsWith(unit) ? base : base + unit;
  return isCounter(metric) && !name.endsWith('_total') ? `${name}_total` : name;
}

/** @param resource written as `target_info`, to join metrics with traces and with each other */
export function renderPrometheus(metrics: readonly MetricData[], resource: Attributes): string {
  const families = metrics.map(renderFamily).filter((text) => text !== '');
  return `# TYPE target_info gauge\ntarget_info${renderLabels(resource)} 1\n${families.join('')}`;
}

function renderFamily(metric: MetricData): string {
  const name = prometheusName(metric);
  const lines = [`# HELP ${name} ${escapeHelp(metric.descriptor.description)}`];
  switch (metric.dataPointType) {
    case DataPointType.SUM:
    case DataPointType.GAUGE:
      lines.push(`# TYPE ${name} ${isCounter(metric) ? 'counter' : 'gauge'}`);
      for (const { attributes, value } of metric.dataPoints)
        lines.push(`${name}${renderLabels(attributes)} ${number(value)}`);
      break;
    case DataPointType.HISTOGRAM:
      lines.push(`# TYPE ${name} histogram`);
      for (const { attributes, value } of metric.dataPoints) {
        let below = 0;
        for (const [index, bound] of value.buckets.boundaries.entries()) {
          below += value.buckets.counts[index] ?? 0;
          lines.push(`${name}_bucket${renderLabels(attributes, number(bound))} ${below}`);
        }
        lines.push(`${name}_bucket${renderLabels(attributes, '+Inf')} ${value.count}`);
        lines.push(`${name}_sum${renderLabels(attributes)} ${number(value.sum ?? 0)}`);
        lines.push(`${name}_count${renderLabels(attributes)} ${value.count}`);
      }
      break;
    default:
      return ''; // Exponential histograms have no text form; the gate makes none.
  }
  return `${lines.join('\n')}\n`;
}

function isCounter(metric: MetricData): boolean {
  return metric.dataPointType === DataPointType.SUM && metric.isMonotonic;
}

function renderLabels(attributes: Attributes, le?: string): string {
  const labels = Object.entries(attributes).map(
    ([name, value]) => `${name.replace(/[^A-Za-z0-9_]/g, '_')}="${escapeLabel(String(value))}"`,
  );
  if (le !== undefined) labels.push(`le="${le}"`);
  return labels.length === 0 ? '' : `{${labels.join(',')}}`;
}

function number(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}

function escapeLabel(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}

function escapeHelp(text: string): string {
  return text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n');
}

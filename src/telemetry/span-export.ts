// Sends finished spans in batches, as the OpenTelemetry batch processor does (OTEL_BSP_*, its own metrics by their names), but
// of bytes and not of objects. One request at a time; one the collector cannot take now is sent again while there is room.
// Must never block or fail a call, nor keep more spans than it was told.

import type { Attributes } from '@opentelemetry/api';
import type { InstrumentationScope } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import type { MeterProvider } from '@opentelemetry/sdk-metrics';
import type { Log } from '../base/ports.ts';
import type { BatchSettings } from './environment.ts';
import type { Post, Posted } from './otlp-post.ts';
import { requestHead } from './otlp-request.ts';
import { createSpanBatches, type SpanBatch } from './span-batch.ts';
import type { SpanData, SpanEncoder } from './span-data.ts';

/** How often one batch is tried, and the pauses between, in milliseconds, doubling: as the SDK's exporters do. */
const maxTries = 5;
const firstPause = 1_000;

/** Longest pause a collector may ask for, in milliseconds. */
const longestPause = 30_000;

/** Bytes of spans that wait; stops large spans and a collector that is gone from filling memory. */
const maxWaitingBytes = 64 * 1_048_576;

export interface SpanExportOptions {
  readonly post: Post;
  readonly batch: BatchSettings;
  readonly encoder: SpanEncoder;
  readonly resource: Resource;
  readonly scope: InstrumentationScope;
  /** Takes the metrics that the SDK's batch processor has (otel.sdk.processor.span.*). */
  readonly meters: MeterProvider;
  readonly log: Log;
}

export interface SpanExport {
  write(span: SpanData): void;
  /** Sends what waits. Rejects when the collector did not take all of it. */
  flush(): Promise<void>;
  close(): Promise<void>;
}

export function createSpanExport(options: SpanExportOptions): SpanExport {
  const { post, batch: settings, encoder } = options;
  const batches = createSpanBatches(requestHead(options.resource, options.scope));
  const full: SpanBatch[] = [];
  const stopping = new AbortController();
  const limits = { signal: stopping.signal, timeoutMs: settings.exportTimeoutMillis };
  let open: SpanBatch | undefined;
  let waitingBytes = 0;
  /** Spans not yet sent, those on their way included. */
  let queued = 0;
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> | undefined;
  /** The open batch has waited long enough. It goes on filling while another is on its way: each takes memory of its own. */
  let due = false;
  let lost = false;
  let closed = false;
  const tell = telling(options.log);
  const metrics = processorMetrics(options.meters, settings.maxQueueSize, () => queued);

  function write(span: SpanData): void {
    if (closed) return;
    if (queued >= settings.maxQueueSize || waitingBytes > maxWaitingBytes) {
      metrics.processed(1, 'queue_full');
      return;
    }
    const { bytes, at, length } = encoder.encode(span);
    open ??= batches.take();
    open.add(bytes, at, length);
    queued += 1;
    waitingBytes += length;
    if (open.spans >= settings.maxExportBatchSize) {
      shut();
      void sendAll();
    } else timer ??= setTimeout(sendOpen, settings.scheduledDelayMillis).unref();
  }

  function shut(): void {
    clearTimeout(timer);
    timer = undefined;
    if (open !== undefined) full.push(open);
    open = undefined;
    due = false;
  }

  function sendOpen(): void {
    timer = undefined;
    due = true;
    void sendAll();
  }

  function nextBatch(): SpanBatch | undefined {
    if (full.length === 0 && due) shut();
    return full.shift();
  }

  function sendAll(): Promise<void> {
    sending ??= sendEach().finally(() => {
      sending = undefined;
      // What was filled after the last look.
      if (full.length > 0 || due) void sendAll();
    });
    return sending;
  }

  async function sendEach(): Promise<void> {
    for (let batch = nextBatch(); batch !== undefined; batch = nextBatch()) {
      const request = batch.request();
      const answer = await send(request);
      const problem = answer.kind === 'taken' ? undefined : answer.problem;
      metrics.processed(batch.spans, problem === undefined ? undefined : answer.kind);
      lost ||= problem !== undefined;
      tell(problem);
      queued -= batch.spans;
      waitingBytes = queued === 0 ? 0 : Math.max(0, waitingBytes - request.length);
      // After a timeout its bytes may still be on their way.
      if (answer.kind === 'taken') batches.giveBack(batch);
    }
  }

  async function send(request: Buffer): Promise<Posted> {
    let pause = firstPause;
    for (let tries = 1; ; tries += 1) {
      const answer = await post(request, limits);
      if (answer.kind !== 'again' || tries >= maxTries || closed || full.length > 0) return answer;
      await wait(Math.min(answer.afterMs ?? pause, longestPause), stopping.signal);
      pause *= 2;
    }
  }

  async function flush(): Promise<void> {
    lost = false;
    shut();
    while (full.length > 0 || sending !== undefined) await sendAll();
    if (lost) throw new Error('the collector did not take all spans');
  }

  return {
    write,
    flush,
    async close() {
      closed = true;
      await flush().finally(() => {
        stopping.abort();
        metrics.close();
      });
    },
  };
}

/** Resolves after the time, or at once when the signal fires. */
function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms).unref();
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    }
    if (signal.aborted) done();
    else signal.addEventListener('abort', done, { once: true });
  });
}

/** Tells the log when the collector stops taking spans, and when it takes them again; not each time. */
function telling(log: Log): (problem: string | undefined) => void {
  let failing = false;
  return (problem) => {
    if ((problem !== undefined) === failing) return;
    failing = problem !== undefined;
    if (failing) log.warn({ problem }, 'telemetry: spans not exported');
    else log.info({}, 'telemetry: spans exported again');
  };
}

/** Semantic conventions for SDK metrics, as the SDK's own batch processor names itself. */
function processorMetrics(meters: MeterProvider, capacity: number, size: () => number) {
  const meter = meters.getMeter('postern');
  const type = 'batching_span_processor';
  const own: Attributes = { 'otel.component.type': type, 'otel.component.name': `${type}/0` };
  const finished = meter.createCounter('otel.sdk.processor.span.processed', {
    unit: '{span}',
    description: 'Spans whose processing has finished, either successful or failed.',
  });
  meter
    .createUpDownCounter('otel.sdk.processor.span.queue.capacity', {
      unit: '{span}',
      description: 'The most spans the queue can hold.',
    })
    .add(capacity, own);
  const queue = meter.createObservableUpDownCounter('otel.sdk.processor.span.queue.size', {
    unit: '{span}',
    description: 'Spans in the queue.',
  });
  const observe: Parameters<typeof queue.addCallback>[0] = (result) => result.observe(size(), own);
  queue.addCallback(observe);
  return {
    processed(spans: number, error: string | undefined) {
      finished.add(spans, error === undefined ? own : { ...own, 'error.type': error });
    },
    close: () => queue.removeCallback(observe),
  };
}

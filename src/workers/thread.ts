// One worker thread, as seen by the thread that started it: orders go in, reports come out, questions are answered in time or
// fail, and its end is told once. Knows nothing of what is said.

import { Worker } from 'node:worker_threads';

export interface Thread<Order> {
  /** Says nothing to a thread that has ended. */
  post(order: Order): void;
  /**
   * @param order made with the number the answer has to name
   * @throws Error when the thread ends before it answers, or does not answer in time
   */
  ask(order: (id: number) => Order, timeoutMs: number): Promise<unknown>;
  answered(id: number, value: unknown, problem?: string): void;
  /** Resolves when the thread has ended: with what ended it, if that was an error. */
  readonly ended: Promise<Error | undefined>;
  /** Ends it now. */
  terminate(): Promise<void>;
}

export interface ThreadOptions<Report> {
  readonly entry: URL;
  /** As the system shows it (`top -H`, `ps -T`): 15 characters of it. */
  readonly name: string;
  /** What it begins with. */
  readonly start: object;
  readonly reported: (report: Report) => void;
}

interface Open {
  readonly resolve: (value: unknown) => void;
  readonly reject: (failure: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export function startThread<Order, Report>({ entry, name, start, reported }: ThreadOptions<Report>): Thread<Order> {
  const worker = new Worker(entry, { name, workerData: start });
  const open = new Map<number, Open>();
  const { promise: ended, resolve: end } = Promise.withResolvers<Error | undefined>();
  let cause: Error | undefined;
  let last = 0;
  let gone = false;

  worker.on('message', reported);
  worker.on('error', (failure) => {
    cause = failure instanceof Error ? failure : new Error('a worker ended');
  });
  worker.once('exit', (code) => {
    gone = true;
    for (const id of open.keys()) answered(id, undefined, 'the worker has ended');
    end(cause ?? (code === 0 ? undefined : new Error(`a worker ended with code ${code}`)));
  });

  function answered(id: number, value: unknown, problem?: string): void {
    const question = open.get(id);
    open.delete(id);
    clearTimeout(question?.timer);
    if (problem === undefined) question?.resolve(value);
    else question?.reject(new Error(problem));
  }

  return {
    post: (order) => worker.postMessage(order),
    async ask(order, timeoutMs) {
      if (gone) throw new Error('the worker has ended');
      last += 1;
      const id = last;
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const timer = setTimeout(answered, timeoutMs, id, undefined, 'the worker did not answer in time').unref();
      open.set(id, { resolve, reject, timer });
      worker.postMessage(order(id));
      return await promise;
    },
    answered,
    ended,
    terminate: async () => void (await worker.terminate()),
  };
}

// A thread that does as it is told: answers, keeps silent, or dies.

import { parentPort } from 'node:worker_threads';

export interface ThreadOrder {
  readonly id: number;
  readonly do: 'answer' | 'refuse' | 'nothing' | 'throw' | 'exit';
}

export interface ThreadReport {
  readonly id: number;
  readonly problem?: string;
}

process.once('exit', () => parentPort?.postMessage({ id: 0, problem: 'last words' }));

parentPort?.on('message', (order: ThreadOrder) => {
  if (order.do === 'answer') parentPort?.postMessage({ id: order.id });
  if (order.do === 'refuse') parentPort?.postMessage({ id: order.id, problem: 'cannot' });
  if (order.do === 'throw') throw Object.assign(new Error('died of it'), { code: 'EDIED' });
  if (order.do === 'exit') process.exit(3);
});

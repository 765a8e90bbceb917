// The operator's log as a worker has it: lines go to the main thread, which writes them all, each with its worker.
// What is printed is settled here: a secret would lose its mask on the way.

import type { Log } from '../../base/ports.ts';
import { safeFacts } from '../../telemetry/log.ts';
import type { Report } from './messages.ts';

export function createHandedLog(post: (report: Report) => void): Log {
  const at = (level: keyof Log) => (facts: object, message: string) => {
    post({ kind: 'log', level, facts: printable(facts), message });
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

/** As text and back: what cannot be copied to another thread is not printed either, and a line is not lost for it. */
function printable(facts: object): object {
  try {
    return JSON.parse(JSON.stringify(safeFacts({ ...facts })));
  } catch {
    return { facts: 'not printable' };
  }
}

// What `--keep` does: everything goes on until somebody ends it, and says where to look meanwhile.
// Prints to standard error, so that facts for machines stay alone on standard output.

import type { App } from '../src/app.ts';
import { stopSignal } from '../src/commands/signals.ts';

export async function keepRunning({ outboundUrl, adminUrl }: App): Promise<void> {
  console.error(`\nStill running until Ctrl-C: gate ${outboundUrl}, operators ${adminUrl}`);
  await stopSignal();
}

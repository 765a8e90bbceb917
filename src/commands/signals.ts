// The signals that ask a command to end: SIGINT of a terminal, SIGTERM of whoever runs it as a service.
// Each is heeded once: what a second one means, the command says itself.

const names = ['SIGINT', 'SIGTERM'] as const;

/** @param stop runs at the first of each from now on */
export function onStopSignal(stop: () => void): void {
  for (const name of names) process.once(name, stop);
}

export function stopSignal(): Promise<void> {
  return new Promise((resolve) => onStopSignal(resolve));
}

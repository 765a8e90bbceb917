// What an agent tells of its run: which calls it made and what came of them. No tokens: it never prints what it holds.

export interface Step {
  readonly agent: string;
  /** The call, such as `openai chat`. */
  readonly call: string;
  readonly said: string;
}

export interface Transcript {
  readonly steps: readonly Step[];
  readonly answer: string;
}

/** Longest text kept of one step, in characters. */
const maxSaid = 200;

export function createTranscript(agent: string): { tell(call: string, said: string): void; steps(): readonly Step[] } {
  const steps: Step[] = [];
  return {
    tell: (call, said) => steps.push({ agent, call, said: said.slice(0, maxSaid) }),
    steps: () => steps,
  };
}

// The path of a call, as one sentence: strip, identify, route, permit, arm, forward. A failure anywhere refuses the call.
// Knows no feature: `app.ts` hands in the stages. Must never let a call end without being answered and recorded once.

import { asRefusal } from './base/errors.ts';
import type { Arrival, ObservedCall, Stages } from './call.ts';

/** Carries one call from arrival to its end. Never rejects. */
export type Carry = (arrival: Arrival) => Promise<void>;

/** How far a call came. */
interface Path {
  reached: Arrival;
}

export function createPipeline(stages: Stages): Carry {
  /** Apart from what waits for the answer: as one function it held every step of a call for as long as its stream ran. */
  async function admit(observed: ObservedCall, path: Path) {
    const reach = <C extends Arrival>(call: C): C => {
      path.reached = call;
      return call;
    };

    const stripped = reach(stages.strip(observed));
    const known = reach(await stages.identify(stripped));
    const routed = reach(await stages.route(known));
    const permitted = reach(stages.permit(routed));
    return reach(await stages.arm(permitted));
  }

  return async function carry(arrival) {
    const observed = stages.observe(arrival);
    const path: Path = { reached: observed };

    try {
      const reply = await stages.forward(await admit(observed, path));
      observed.observation.replied(reply);
    } catch (failure) {
      const refusal = asRefusal(failure);
      stages.refuse(path.reached, refusal);
      observed.observation.refused(path.reached, refusal);
    }
  };
}

// The path of a call, as one sentence: strip, identify, route, permit, arm, forward. A failure anywhere refuses the call.
// Knows no feature: `app.ts` hands in the stages. Must never let a call end without being answered and recorded once.

import { asRefusal } from './base/errors.ts';
import type { Arrival, Stages } from './call.ts';

/** Carries one call from arrival to its end. Never rejects. */
export type Carry = (arrival: Arrival) => Promise<void>;

export function createPipeline(stages: Stages): Carry {
  return async function carry(arrival) {
    const observed = stages.observe(arrival);
    let reached: Arrival = observed;
    const reach = <C extends Arrival>(call: C): C => {
      reached = call;
      return call;
    };

    try {
      const stripped = reach(stages.strip(observed));
      const known = reach(await stages.identify(stripped));
      const routed = reach(await stages.route(known));
      const permitted = reach(stages.permit(routed));
      const armed = reach(await stages.arm(permitted));
      const reply = await stages.forward(armed);
      observed.observation.replied(reply);
    } catch (failure) {
      const refusal = asRefusal(failure);
      stages.refuse(reached, refusal);
      observed.observation.refused(reached, refusal);
    }
  };
}

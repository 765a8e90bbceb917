// What happens when an agent asks for more than it may: the planner calls the writing model itself, which only the researcher
// may. The SDK raises its own exception; nothing reaches the upstream.

import Anthropic from '@anthropic-ai/sdk';
import { type GateOptions, gateUrls, onBehalfOf } from './gate.ts';
import type { OwnToken } from './own-token.ts';

export interface TrespassOptions extends GateOptions {
  readonly ownToken: OwnToken;
  readonly userToken: string;
  readonly traceparent?: string;
}

/** @returns name and message of the SDK's exception; undefined when the call was let through. */
export async function trespass(options: TrespassOptions): Promise<string | undefined> {
  const anthropic = new Anthropic({
    baseURL: gateUrls(options).anthropic,
    apiKey: await options.ownToken(),
    defaultHeaders: onBehalfOf(options.userToken, options.traceparent),
  });
  try {
    await anthropic.messages.create({
      model: 'claude-sonnet-5',
      max_tokens: 1,
      messages: [{ role: 'user', content: 'x' }],
    });
    return undefined;
  } catch (failure) {
    return failure instanceof Anthropic.APIError ? `${failure.constructor.name}: ${failure.message}` : String(failure);
  }
}

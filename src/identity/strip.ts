// First stage: takes every credential out of the request, from every slot any API knows, before anything else looks at it.
// What was presented is kept aside, unprintable. It judges nothing: which credential counts is for `identify` to say.
// Must never let a value through because its name is odd: what cannot be read without doubt is refused.

import type { ObservedCall, PresentedCredential, StrippedCall } from '../call.ts';
import { stripHeaders } from './strip-headers.ts';
import { stripSubprotocols } from './strip-subprotocols.ts';
import { readHost, stripTarget } from './strip-target.ts';

/**
 * Makes the `strip` stage.
 * @returns a function that throws Refusal `target_malformed`, `header_ambiguous` or `request_malformed`
 */
export function createStrip(): (call: ObservedCall) => StrippedCall {
  return function strip(call): StrippedCall {
    const { headers, presented, host, subprotocols } = stripHeaders(call.rawHeaders);
    const target = stripTarget(call.target, presented);
    const offered = stripSubprotocols(subprotocols, presented);
    return {
      ...call,
      headers,
      path: target.path,
      // RFC 9112 section 3.2.2: with an absolute-form target, Host is ignored.
      authority: target.authority ?? readHost(host),
      presented: withoutEmpty(presented),
      subprotocols: offered,
    };
  };
}

/**
 * Empty values prove nothing and are in the way (an SDK given "" still sends the header: litellm#21039). A copy in any case: a list that
 * was added to has room for seventeen, and this one is kept as long as the call.
 */
function withoutEmpty(presented: readonly PresentedCredential[]): readonly PresentedCredential[] {
  return presented.some(({ value }) => value.length === 0)
    ? presented.filter(({ value }) => value.length > 0)
    : presented.slice();
}

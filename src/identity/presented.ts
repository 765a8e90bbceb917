// Picks the tokens out of what an agent presented: its own from the slots SDKs use, the user's from Postern-Subject-Token.
// Where two slots disagree it must never choose: whoever can add a slot would choose the identity.

import { Refusal } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import type { PresentedCredential } from '../call.ts';
import { sdkSlots, signatureSchemes, subjectSlot } from './slots.ts';
import { looksLikeToken } from './token-shape.ts';

export interface PresentedTokens {
  /** From an SDK slot; undefined when none held a token. */
  readonly own: Secret | undefined;
  /** From Postern-Subject-Token. */
  readonly subject: Secret | undefined;
}

/**
 * @param placeholders whether an SDK slot may hold something that is no token: SDKs insist on an API key, and where the
 * caller is known without a token (sidecar, client certificate) any word will do. Elsewhere that is a malformed token.
 * @throws Refusal token_ambiguous, token_malformed
 */
export function pickTokens(presented: readonly PresentedCredential[], placeholders: boolean): PresentedTokens {
  const tokens: Secret[] = [];
  const subjects: Secret[] = [];
  let malformed = false;

  for (const { slot, scheme, value } of presented) {
    if (slot === subjectSlot) addDistinct(subjects, value);
    else if (!sdkSlots.has(slot) || (scheme !== undefined && signatureSchemes.has(scheme))) continue;
    else if (!placeholders || looksLikeToken(value.reveal())) {
      addDistinct(tokens, value);
      malformed ||= !looksLikeToken(value.reveal());
    }
  }

  if (tokens.length > 1) throw new Refusal('token_ambiguous', { detail: 'two slots carry different values' });
  if (subjects.length > 1) throw new Refusal('token_ambiguous', { detail: 'two different subject tokens' });
  if (malformed) throw new Refusal('token_malformed', { detail: 'an SDK slot holds something that is no JWT' });
  return { own: tokens[0], subject: subjects[0] };
}

/** The same value twice is one token: SDKs send some keys in two headers. */
function addDistinct(list: Secret[], value: Secret): void {
  const text = value.reveal();
  if (!list.some((known) => known.reveal() === text)) list.push(value);
}

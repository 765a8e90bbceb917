// Picks out of what was presented the tokens that say who calls and for whom: the caller's own from the slots SDKs use, the
// subject's from Postern-Subject-Token or Txn-Token, a handle from wherever the agent's SDK put it.
// Where two slots disagree it must never choose: whoever can add a slot would choose the identity.

import { Refusal } from '../base/errors.ts';
import { Secret } from '../base/secret.ts';
import type { PresentedCredential } from '../call.ts';
import { looksLikeHandle } from './handle.ts';
import { sdkSlots, signatureSchemes, subjectSlot, transactionSlot } from './slots.ts';
import { looksLikeToken } from './token-shape.ts';

/** What names the subject, and how. */
export interface PresentedSubject {
  readonly kind: 'token' | 'handle' | 'transaction';
  readonly value: Secret;
}

export interface PresentedTokens {
  /** From an SDK slot; undefined when none held a token. */
  readonly own: Secret | undefined;
  readonly subject: PresentedSubject | undefined;
}

export interface PickOptions {
  /**
   * Whether an SDK slot may hold something that is no token: SDKs insist on an API key, and where the caller is known
   * without a token (sidecar, client certificate) any word will do. Elsewhere that is a malformed token.
   */
  readonly placeholders: boolean;
  /** Whether transaction tokens are understood here; else what is in their slot is removed and not judged. */
  readonly transactions: boolean;
}

/** @throws Refusal token_ambiguous, token_malformed */
export function pickTokens(presented: readonly PresentedCredential[], options: PickOptions): PresentedTokens {
  const tokens: Secret[] = [];
  const subjects: Secret[] = [];
  const handles: Secret[] = [];
  let malformed = false;

  for (const credential of presented) {
    const { slot, scheme, value } = credential;
    const handle = handleIn(credential);
    if (handle !== undefined) addDistinct(handles, handle);
    else if (slot === subjectSlot) addDistinct(subjects, value);
    else if (!sdkSlots.has(slot) || (scheme !== undefined && signatureSchemes.has(scheme))) continue;
    else if (!options.placeholders || looksLikeToken(value.reveal())) {
      addDistinct(tokens, value);
      malformed ||= !looksLikeToken(value.reveal());
    }
  }

  if (tokens.length > 1) throw new Refusal('token_ambiguous', { detail: 'two slots carry different values' });
  if (malformed) throw new Refusal('token_malformed', { detail: 'an SDK slot holds something that is no JWT' });
  const transaction = options.transactions ? pickTransaction(presented) : undefined;
  return { own: tokens[0], subject: onlySubject(subjects, handles, transaction) };
}

/**
 * The tokens of a call to the agent: one bearer token that names subject and actors (RFC 6750), perhaps a transaction token.
 * Two tokens would make a chain that neither of them tells, and that no later hop could carry on.
 * @throws Refusal token_ambiguous
 */
export function pickInbound(presented: readonly PresentedCredential[], transactions: boolean): PresentedTokens {
  const bearers: Secret[] = [];
  for (const { slot, scheme, value } of presented) {
    if (slot === 'header:authorization' && scheme === 'bearer') addDistinct(bearers, value);
    if (slot !== subjectSlot) continue;
    throw new Refusal('token_ambiguous', { detail: 'a call to the agent carries one token; exchange the two before' });
  }
  if (bearers.length > 1) throw new Refusal('token_ambiguous', { detail: 'two different bearer tokens' });
  const transaction = transactions ? pickTransaction(presented) : undefined;
  return { own: bearers[0], subject: transaction && { kind: 'transaction', value: transaction } };
}

/** Exactly one header: unlike elsewhere, not even the same value twice. */
function pickTransaction(presented: readonly PresentedCredential[]): Secret | undefined {
  const found = presented.filter(({ slot }) => slot === transactionSlot);
  if (found.length > 1) throw new Refusal('token_ambiguous', { detail: 'more than one Txn-Token' });
  return found[0]?.value;
}

function onlySubject(
  tokens: readonly Secret[],
  handles: readonly Secret[],
  transaction: Secret | undefined,
): PresentedSubject | undefined {
  if (tokens.length + handles.length + (transaction === undefined ? 0 : 1) > 1) {
    throw new Refusal('token_ambiguous', { detail: 'two different subject tokens' });
  }
  const [token] = tokens;
  if (token !== undefined) return { kind: 'token', value: token };
  const [handle] = handles;
  if (handle !== undefined) return { kind: 'handle', value: handle };
  return transaction && { kind: 'transaction', value: transaction };
}

/** A handle says what it is, so no slot is too odd for it: none must make the agent's call its own instead of its user's. */
function handleIn({ scheme, value }: PresentedCredential): Secret | undefined {
  const text = value.reveal();
  if (looksLikeHandle(text)) return value;
  if (scheme !== 'basic') return undefined;
  // RFC 7617: APIs with Basic authentication take a key as user name or as password.
  const found = Buffer.from(text, 'base64').toString('latin1').split(':').find(looksLikeHandle);
  return found === undefined ? undefined : new Secret(found);
}

/** The same value twice is one token: SDKs send some keys in two headers. */
function addDistinct(list: Secret[], value: Secret): void {
  const text = value.reveal();
  if (!list.some((known) => known.reveal() === text)) list.push(value);
}

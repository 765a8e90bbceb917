// One small message from a command to a server on this machine or near it: the admin listener of a gate, an embedded issuer.
// Sent as the gate sends its own: bounded in size and time, no redirect followed, no metadata service reached.

import { createAddressPolicy } from '../base/addresses.ts';
import { createSend } from '../base/send.ts';

/** Largest answer read, in bytes: a page of a thousand revocations with the longest of reasons. */
const maxAnswerBytes = 4_194_304;

/** Longest wait for an answer, in milliseconds. */
const timeoutMs = 5_000;

/**
 * @param body sent as JSON, by POST
 * @returns what the answer says, whatever its status; undefined for one that is no JSON
 * @throws SendFailure
 */
export async function askJson(url: string, body?: object): Promise<unknown> {
  const sender = createSend({ addresses: createAddressPolicy() });
  const sent =
    body === undefined
      ? ({ method: 'GET', headers: {} } as const)
      : ({ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) } as const);
  try {
    const answer = await sender.send({ url, ...sent, maxBytes: maxAnswerBytes, timeoutMs });
    return parsed(answer.body);
  } finally {
    await sender.close();
  }
}

function parsed(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    return undefined;
  }
}

// What the sources that ask a service of their platform share: one bounded GET, and a token out of its answer.
// Must never follow a redirect, and never say more of a bad answer than that it was bad: it may hold credentials.

import { Refusal } from '../../base/errors.ts';
import type { SendResponse } from '../../base/ports.ts';
import { Secret } from '../../base/secret.ts';
import { ask, unsent } from '../message.ts';
import type { SourcePorts } from '../source.ts';

/** Longest wait, in ms: these services answer from the same machine or the same data centre. */
const timeoutMs = 5_000;

/** All of them give JWTs; anything else (a page, another answer) would only be carried to the vendor. */
const jwt = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** Longest token taken, in characters; vendors refuse longer ones too (16 KiB). */
const maxTokenLength = 16 * 1024;

export interface PlatformQuestion {
  /** Name of the subject source, for the operator. */
  readonly name: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly bearer?: Secret;
  /** Finds the token; undefined when there is none. */
  readonly pick: (answer: SendResponse) => unknown;
}

/** @throws Refusal `secret_unavailable` */
export async function askPlatform({ name, url, headers, bearer, pick }: PlatformQuestion, { send }: SourcePorts) {
  const fail = (what: string) =>
    new Refusal('secret_unavailable', { detail: `subject source ${name}: ${what}`, retryAfter: 1 });
  const request = { url, method: 'GET', bearer, headers: headers ?? {}, timeoutMs } as const;
  const { response } = await ask(send, request).catch((failure: unknown) => {
    const { kind } = unsent(failure);
    throw fail(kind === 'address_refused' ? 'its address is refused; name it in network.allow' : kind);
  });
  if (response.status !== 200) throw fail(`answered ${response.status}`);

  const token = pick(response);
  if (typeof token !== 'string' || token.length > maxTokenLength || !jwt.test(token)) {
    throw fail('answered without a usable token');
  }
  return new Secret(token);
}

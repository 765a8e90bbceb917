// What the sources that ask a service of their platform share: one bounded message, and a token out of its answer.
// Must never follow a redirect, and never say more of a bad answer than that it was bad: it may hold credentials.

import { Refusal } from '../../base/errors.ts';
import type { SendResponse } from '../../base/ports.ts';
import { Secret } from '../../base/secret.ts';
import { ask, type BearerRequest, unsent } from '../message.ts';
import type { SourcePorts } from '../source.ts';

/** Longest wait, in ms: these services answer from the same machine or the same data centre. */
export const timeoutMs = 5_000;

/** All of them give JWTs; anything else (a page, another answer) would only be carried to the vendor. */
const jwt = /^[\w-]+\.[\w-]+\.[\w-]+$/;

/** Longest token taken, in characters; vendors refuse longer ones too (16 KiB). */
const maxTokenLength = 16 * 1024;

export interface ServiceQuestion {
  /** Name of the subject source, for the operator. */
  readonly name: string;
  readonly url: string;
  readonly method?: 'GET' | 'PUT';
  readonly headers?: Readonly<Record<string, string>>;
  readonly bearer?: Secret;
  readonly proof?: BearerRequest['proof'];
}

export interface PlatformQuestion extends ServiceQuestion {
  /** Finds the token; undefined when there is none. */
  readonly pick: (answer: SendResponse) => unknown;
}

/** @throws Refusal `secret_unavailable` for any other answer than 200 */
export async function askService(
  question: ServiceQuestion,
  { send }: Pick<SourcePorts, 'send'>,
): Promise<SendResponse> {
  const { name, url, method = 'GET', headers = {}, bearer, proof } = question;
  const asked = ask(send, { url, method, bearer, proof, headers, timeoutMs });
  const { response } = await asked.catch((failure: unknown) => refuseUnsent(name, failure));
  if (response.status !== 200) throw unavailable(name, `answered ${response.status}`);
  return response;
}

/** @throws Refusal `secret_unavailable` */
export async function askPlatform(question: PlatformQuestion, ports: SourcePorts): Promise<Secret> {
  return tokenOf(question.name, question.pick(await askService(question, ports)));
}

/** @throws Refusal `secret_unavailable` for anything that is no JWT */
export function tokenOf(name: string, token: unknown): Secret {
  if (typeof token !== 'string' || token.length > maxTokenLength || !jwt.test(token)) {
    throw unavailable(name, 'answered without a usable token');
  }
  return new Secret(token);
}

/** For failures of a message to the service of a source. */
export function refuseUnsent(name: string, failure: unknown): never {
  const { kind } = unsent(failure);
  throw unavailable(name, kind === 'address_refused' ? 'its address is refused; name it in network.allow' : kind);
}

export function unavailable(name: string, what: string): Refusal {
  return new Refusal('secret_unavailable', { detail: `subject source ${name}: ${what}`, retryAfter: 1 });
}

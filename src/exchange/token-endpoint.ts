// One message to a token endpoint: a form POST out, a checked answer or a specific refusal back.
// Never follows a redirect (the form carries tokens), never reads more than a bounded answer, never retries by itself,
// and never lets a token, an assertion or a client secret into a refusal, even when the issuer echoes it.

import type { ClientAuth } from 'oauth4webapi';
import { Refusal } from '../base/errors.ts';
import { type Send, SendFailure, type SendResponse } from '../base/ports.ts';
import { Secret } from '../base/secret.ts';
import type { Input, Issued } from './grant.ts';
import type { IssuerMetadata } from './metadata.ts';
import { readTokenAnswer } from './token-answer.ts';
import { defaultRetryAfter, refusalOf } from './token-error.ts';

/** Largest answer read, in bytes: a hostile or broken issuer must not fill the memory of the gate. */
const maxAnswerBytes = 64 * 1024;

/** Fields whose values are taken out of anything an issuer says, beside every Secret that was sent. */
const secretFields = ['client_secret', 'client_assertion', 'subject_token', 'actor_token', 'assertion'];

export interface TokenEndpointOptions {
  readonly locate: () => Promise<IssuerMetadata>;
  readonly clientId: string | undefined;
  readonly authenticate: ClientAuth;
  /** Where the client has one: only to take it out of what the issuer says. */
  readonly clientSecret: Secret | undefined;
  readonly send: Send;
  readonly timeoutMs: number;
}

/**
 * Asks once.
 * @param inputs form parameters in order, `grant_type` included, without client authentication
 * @throws Refusal for every other outcome than a well-formed RFC 6749 section 5.1 answer
 */
export type AskTokenEndpoint = (inputs: readonly Input[], traceparent: string | undefined) => Promise<Issued>;

export function createTokenEndpoint(options: TokenEndpointOptions): AskTokenEndpoint {
  const { locate, clientId, authenticate, clientSecret, send, timeoutMs } = options;

  return async function ask(inputs, traceparent) {
    const issuer = await locate();
    const form = new URLSearchParams();
    for (const [name, value] of inputs) form.append(name, value instanceof Secret ? value.reveal() : value);
    const headers = new Headers({
      'content-type': 'application/x-www-form-urlencoded;charset=UTF-8',
      accept: 'application/json',
    });
    if (traceparent !== undefined) headers.set('traceparent', traceparent);
    await authenticate({ issuer: issuer.issuer }, { client_id: clientId ?? '' }, form, headers);

    const answer = await send({
      url: issuer.tokenEndpoint,
      method: 'POST',
      headers: Object.fromEntries(headers),
      body: form.toString(),
      maxBytes: maxAnswerBytes,
      timeoutMs,
    }).catch(refuseUnsent);

    return readAnswer(answer, form, clientSecret);
  };
}

function readAnswer(answer: SendResponse, form: URLSearchParams, clientSecret: Secret | undefined): Issued {
  if (answer.status === 200) return readTokenAnswer(answer);
  const hasSubject = form.has('subject_token') || form.has('assertion');
  const sent = secretFields.flatMap((name) => form.getAll(name));
  if (clientSecret !== undefined) sent.push(clientSecret.reveal());
  throw refusalOf(answer, { hasSubject, redact: (text) => takeOut(sent, text) });
}

/** Takes what was sent out of what an issuer wrote: some quote the token they did not like. */
function takeOut(sent: readonly string[], text: string): string {
  return sent.reduce((rest, value) => (value === '' ? rest : rest.replaceAll(value, '[redacted]')), text);
}

function refuseUnsent(failure: unknown): never {
  if (!(failure instanceof SendFailure)) throw failure;
  const detail = `token endpoint: ${failure.kind}`;
  const facts = { detail, retryAfter: defaultRetryAfter, cause: failure };
  if (failure.kind === 'timeout') throw new Refusal('issuer_timeout', facts);
  if (failure.kind === 'too_large') throw new Refusal('issuer_answer_oversize', facts);
  throw new Refusal('issuer_unreachable', facts);
}

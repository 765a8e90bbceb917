// One message to a token endpoint: parameters out, a checked answer or a specific refusal back.
// Never lets a token, an assertion or a client secret into a refusal, even when the issuer echoes it.

import type { ClientAuth } from 'oauth4webapi';
import { Refusal } from '../base/errors.ts';
import type { Send } from '../base/ports.ts';
import type { Secret } from '../base/secret.ts';
import type { Possession } from './dpop.ts';
import type { HopToken, Input, Issued, Occasion } from './grant.ts';
import { type Answer, draftOf, type Encoding, post, unsent } from './message.ts';
import type { IssuerMetadata } from './metadata.ts';
import { boundTokens, readTokenAnswer } from './token-answer.ts';
import { defaultRetryAfter, type ReasonOfCode, refusalOf } from './token-error.ts';

export interface TokenEndpointOptions {
  readonly locate: () => Promise<Pick<IssuerMetadata, 'issuer' | 'tokenEndpoint'>>;
  readonly clientId: string | undefined;
  readonly authenticate: ClientAuth;
  /** Where the client has one: only to take it out of what the issuer says. */
  readonly clientSecret: Secret | undefined;
  readonly send: Send;
  readonly timeoutMs: number;
  readonly encoding?: Encoding;
  /** Further headers of every token request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What this issuer's own error codes mean, before the common ones are looked at. */
  readonly reasons?: ReasonOfCode;
  /** The key that tokens are to be bound to (RFC 9449); bearer tokens are refused then. */
  readonly possession?: Possession | undefined;
}

export interface Asking {
  readonly traceparent: string | undefined;
  /** See {@link Occasion}. */
  readonly asked?: Occasion['asked'];
  /** Whose token is sent as subject: a bad one of the call is for its agent to mend, a bad one of the gate's is not. */
  readonly subject?: HopToken;
}

/**
 * Asks once.
 * @param inputs parameters in order, `grant_type` included, without client authentication
 * @throws Refusal for every other outcome than a well-formed RFC 6749 section 5.1 answer
 */
export type AskTokenEndpoint = (inputs: readonly Input[], asking: Asking) => Promise<Issued>;

export function createTokenEndpoint(options: TokenEndpointOptions): AskTokenEndpoint {
  const { locate, clientId, authenticate, clientSecret, send, timeoutMs, encoding = 'form', headers = {} } = options;
  const { possession } = options;

  return async function askTokenEndpoint(inputs, { traceparent, asked, subject }) {
    const issuer = await locate();
    asked?.(issuer.tokenEndpoint);

    /** Client assertions and proofs are used once, so that each message has its own. */
    async function askOnce(): Promise<Answer> {
      const draft = draftOf(inputs, headers, traceparent);
      await authenticate({ issuer: issuer.issuer }, { client_id: clientId ?? '' }, draft.parameters, draft.headers);
      if (possession !== undefined) draft.headers.set('dpop', await possession.prove(issuer.tokenEndpoint));
      return post(send, {
        url: issuer.tokenEndpoint,
        encoding,
        draft,
        ...(clientSecret !== undefined && { secrets: [clientSecret] }),
        timeoutMs,
      }).catch((failure: unknown) => refuseUnsent(failure, 'token endpoint'));
    }

    let answer = await askOnce();
    // RFC 9449 section 8: nothing was decided yet. Once more and no further: a server may always want another nonce.
    if (possession?.heed(answer.response) === true) {
      answer = await askOnce();
      possession.heed(answer.response);
    }
    const { response, redact } = answer;
    if (response.status === 200) {
      return possession === undefined
        ? readTokenAnswer(response)
        : possession.bind(readTokenAnswer(response, boundTokens));
    }
    throw refusalOf(response, { hasSubject: subject?.origin === 'call', redact, reasons: options.reasons });
  };
}

/** For failures of {@link post} and its like. @param where e.g. `token endpoint` */
export function refuseUnsent(failure: unknown, where: string): never {
  const cause = unsent(failure);
  const facts = { detail: `${where}: ${cause.kind}`, retryAfter: defaultRetryAfter, cause };
  if (cause.kind === 'timeout') throw new Refusal('issuer_timeout', facts);
  if (cause.kind === 'too_large') throw new Refusal('issuer_answer_oversize', facts);
  if (cause.kind === 'certificate_refused') throw new Refusal('issuer_rejected_client', facts);
  throw new Refusal('issuer_unreachable', facts);
}

// What an issuer's refusal means for the call: the subject's token is bad (401), the exchange is not allowed (403), the
// user must sign in again (401 with a challenge), or the issuer or this gate's own set-up is at fault (503).
// RFC 6749 section 5.2, RFC 8693 section 2.2.2. What the issuer wrote is kept for the operator only, cut and cleaned.

import { type Reason, Refusal, type RefusalFacts, reasons as reasonTable } from '../base/errors.ts';
import type { SendResponse } from '../base/ports.ts';
import { type ErrorAnswer, readErrorAnswer } from './error-answer.ts';
import { challengeOf, isStepUp } from './step-up.ts';

/** Seconds a client is told to wait when the issuer is at fault and names no time itself. */
export const defaultRetryAfter = 1;

/** Longest wait passed on, in seconds: an issuer must not send clients away for hours. */
const maxRetryAfter = 60;

/** Longest part of `error_description` kept, in characters. */
const maxDescription = 160;

/** Longest part searched for secrets, in characters: enough for any token that may be quoted in it. */
const maxReadDescription = 20_000;

/** Error codes (or Entra's numbers) and the reason each stands for. */
export type ReasonOfCode = ReadonlyMap<string, Reason>;

const reasonOfCode: ReasonOfCode = new Map<string, Reason>([
  ['invalid_grant', 'subject_token_rejected'],
  ['invalid_token', 'subject_token_rejected'],
  ['invalid_subject_token', 'subject_token_rejected'],
  ['access_denied', 'exchange_denied'],
  ['unauthorized_client', 'exchange_denied'],
  ['invalid_target', 'exchange_denied'],
  ['invalid_scope', 'exchange_denied'],
  ['actor_unauthorized', 'exchange_denied'], // draft-mcguinness-oauth-actor-profile
  ['invalid_client', 'issuer_rejected_client'],
  ['server_error', 'issuer_failed'],
  ['temporarily_unavailable', 'issuer_failed'],
  ['slow_down', 'issuer_failed'],
  ['use_dpop_nonce', 'issuer_failed'], // RFC 9449 section 8, after it got the one it asked for
]);

/** The error code an issuer gave, kept as the cause of the refusal for spans and audit. */
export class OAuthError extends Error {
  readonly oauthError: string;

  constructor(code: string) {
    super(code);
    this.name = 'OAuthError';
    this.oauthError = code;
  }
}

export function oauthErrorOf(refusal: Refusal): string | undefined {
  return refusal.cause instanceof OAuthError ? refusal.cause.oauthError : undefined;
}

export interface AskedWith {
  /** Whether a subject's token of the call was sent: without one, no subject can be at fault. */
  readonly hasSubject: boolean;
  /** Takes out of a text what was sent in secret. */
  readonly redact: (text: string) => string;
  /** Codes of this issuer's own. */
  readonly reasons?: ReasonOfCode | undefined;
  /** How its error answers are read, where they are not JSON. */
  readonly read?: (answer: SendResponse) => ErrorAnswer | undefined;
}

/** The refusal for any answer that is not 200. */
export function refusalOf(answer: SendResponse, asked: AskedWith): Refusal {
  const { status } = answer;
  const read = (asked.read ?? readErrorAnswer)(answer);
  if (read === undefined || status < 400 || status >= 500 || status === 429) {
    const detail = `token endpoint answered ${status}${requestIdOf(answer)}`;
    return new Refusal('issuer_failed', { detail, retryAfter: retryAfterOf(answer) });
  }

  const error = withoutSecrets(read, asked.redact);
  const reason = reasonOf(error, status, asked);
  const detail = `${describe(error)}${requestIdOf(answer)}`;
  const facts: RefusalFacts = { detail, cause: new OAuthError(error.error) };
  if (reason === 'step_up_demanded') return new Refusal(reason, { ...facts, challenge: challengeOf(error) });
  if (reasonTable[reason] !== 'credential_unavailable') return new Refusal(reason, facts);
  return new Refusal(reason, { ...facts, retryAfter: retryAfterOf(answer) });
}

function reasonOf(error: ErrorAnswer, status: number, { hasSubject, reasons }: AskedWith): Reason {
  if (isStepUp(error)) return 'step_up_demanded';
  const own = [...error.numbers, error.error].map((code) => reasons?.get(code)).find((reason) => reason !== undefined);
  // Keycloak says `unauthorized_client` for a wrong client secret, with 401; RFC 6749 uses 400 for a client that may not.
  if (own === undefined && status === 401 && error.error === 'unauthorized_client') return 'issuer_rejected_client';

  // Keycloak says `invalid_client` of the audience too, where no client of the realm is called so.
  if (own === undefined && error.error === 'invalid_client' && unknownAudience.test(error.description)) {
    return 'exchange_audience_unknown';
  }

  const reason = own ?? reasonOfCode.get(error.error) ?? unlisted(error, status);
  return reason === 'subject_token_rejected' && !hasSubject ? 'exchange_misconfigured' : reason;
}

const unknownAudience = /^audience not found$/i;

/** How issuers word it. `Invalid token` is all that Keycloak says of a subject token that expired or whose session ended. */
const badToken = /\b(?:subject|actor)[ _-]?token\b|^invalid token$/i;

/** RFC 8693 section 2.2.2 has `invalid_request` for an unacceptable subject or actor token too. */
function unlisted({ error, description }: ErrorAnswer, status: number): Reason {
  if (error === 'invalid_request' && badToken.test(description)) {
    return 'subject_token_rejected';
  }
  return status === 403 ? 'exchange_denied' : 'exchange_misconfigured';
}

/** Seconds (RFC 9110 section 10.2.3); a date, or nothing, counts as the default. */
function retryAfterOf(answer: SendResponse): number {
  const text = answer.headers['retry-after'] ?? '';
  if (!/^\d{1,9}$/.test(text)) return defaultRetryAfter;
  return Math.min(Math.max(Number(text), defaultRetryAfter), maxRetryAfter);
}

/** What a vendor's support asks for first; where the answer is opaque on purpose, the only trace of the real cause. */
function requestIdOf({ headers }: SendResponse): string {
  const id =
    headers['request-id'] ?? headers['x-request-id'] ?? headers['x-ms-request-id'] ?? headers['x-amzn-requestid'] ?? '';
  return /^[\w.-]{1,64}$/.test(id) && !id.startsWith('eyJ') ? ` (request ${id})` : '';
}

/** The issuer's words without anything that could be a token: what was sent, JWTs, and other long unbroken runs. */
function withoutSecrets(answer: ErrorAnswer, redact: (text: string) => string): ErrorAnswer {
  const description = redact(answer.description.slice(0, maxReadDescription))
    .replace(/eyJ[\w-]*(?:\.[\w-]*)*/g, '[redacted]')
    .replace(/[\w~+/=-]{24,}/g, '[redacted]');
  const echoed = redact(answer.error) !== answer.error || answer.error.startsWith('eyJ');
  return {
    ...answer,
    error: echoed ? 'unknown' : answer.error,
    description,
    claims: challenging(answer.claims, redact),
    acr_values: challenging(answer.acr_values, redact),
  };
}

/** What goes to the client as a challenge: one that quotes what was sent, or a part of a JWT, is no challenge. */
function challenging(member: unknown, redact: (text: string) => string): unknown {
  const text = JSON.stringify(member ?? null);
  return redact(text) === text && !/eyJ[\w-]{8}/.test(text) ? member : undefined;
}

function describe({ error, description }: ErrorAnswer): string {
  const kept = description.slice(0, maxDescription);
  return kept === '' ? error : `${error}: ${kept}`;
}

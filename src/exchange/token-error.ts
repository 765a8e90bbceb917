// What an issuer's refusal means for the call: the subject's token is bad (401), the exchange is not allowed (403), the
// user must sign in again (401 with a challenge), or the issuer or this gate's own set-up is at fault (503).
// RFC 6749 section 5.2, RFC 8693 section 2.2.2. What the issuer wrote is kept for the operator only, cut and cleaned.

import { z } from 'zod';
import { type Reason, Refusal, type RefusalFacts } from '../base/errors.ts';
import type { SendResponse } from '../base/ports.ts';
import { parseJson } from './json.ts';
import { challengeOf, isStepUp } from './step-up.ts';

/** Seconds a client is told to wait when the issuer is at fault and names no time itself. */
export const defaultRetryAfter = 1;

/** Longest wait passed on, in seconds: an issuer must not send clients away for hours. */
const maxRetryAfter = 60;

/** Longest part of `error_description` kept, in characters. */
const maxDescription = 160;

/** Longest part searched for secrets, in characters: enough for any token that may be quoted in it. */
const maxReadDescription = 20_000;

/** Characters of RFC 6749 section 5.2, bounded; any other code is told as `unknown`. */
const printableCode = /^[\x20\x21\x23-\x5b\x5d-\x7e]{1,64}$/;

/** Without `error` it is not an issuer's decision but somebody's error page in JSON. */
const errorAnswer = z.object({
  error: z.string().transform((code) => (printableCode.test(code) ? code : 'unknown')),
  error_description: z.string().catch(''),
  claims: z.unknown().optional(),
  acr_values: z.unknown().optional(),
  max_age: z.unknown().optional(),
});

export type ErrorAnswer = z.output<typeof errorAnswer>;

const reasonOfCode = new Map<string, Reason>([
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
  /** Whether a subject's token was sent: without one, no subject can be at fault. */
  readonly hasSubject: boolean;
  /** Takes out of a text what was sent in secret. */
  readonly redact: (text: string) => string;
}

/** The refusal for any answer that is not 200. */
export function refusalOf(answer: SendResponse, asked: AskedWith): Refusal {
  const { status } = answer;
  const parsed = errorAnswer.safeParse(parseJson(answer));
  if (!parsed.success || status < 400 || status >= 500 || status === 429) {
    const detail = `token endpoint answered ${status}`;
    return new Refusal('issuer_failed', { detail, retryAfter: retryAfterOf(answer) });
  }

  const error = withoutSecrets(parsed.data, asked.redact);
  const reason = reasonOf(error, status, asked.hasSubject);
  const facts: RefusalFacts = { detail: describe(error), cause: new OAuthError(error.error) };
  if (reason === 'step_up_demanded') return new Refusal(reason, { ...facts, challenge: challengeOf(error) });
  if (reason === 'exchange_denied' || reason === 'subject_token_rejected') return new Refusal(reason, facts);
  return new Refusal(reason, { ...facts, retryAfter: retryAfterOf(answer) });
}

function reasonOf(error: ErrorAnswer, status: number, hasSubject: boolean): Reason {
  if (isStepUp(error)) return 'step_up_demanded';
  // Keycloak says `unauthorized_client` for a wrong client secret, with 401; RFC 6749 uses 400 for a client that may not.
  if (status === 401 && error.error === 'unauthorized_client') return 'issuer_rejected_client';

  const reason = reasonOfCode.get(error.error) ?? unlisted(error, status);
  return reason === 'subject_token_rejected' && !hasSubject ? 'exchange_misconfigured' : reason;
}

/** RFC 8693 section 2.2.2 has `invalid_request` for an unacceptable subject or actor token too. */
function unlisted({ error, error_description }: ErrorAnswer, status: number): Reason {
  if (error === 'invalid_request' && /\b(?:subject|actor)[ _-]?token\b/i.test(error_description)) {
    return 'subject_token_rejected';
  }
  return status === 403 ? 'exchange_denied' : 'exchange_misconfigured';
}

/** Seconds (RFC 9110 section 10.2.3); a date, or nothing, counts as the default. */
export function retryAfterOf(answer: SendResponse): number {
  const text = answer.headers['retry-after'] ?? '';
  if (!/^\d{1,9}$/.test(text)) return defaultRetryAfter;
  return Math.min(Math.max(Number(text), defaultRetryAfter), maxRetryAfter);
}

/** The issuer's words without anything that could be a token: what was sent, JWTs, and other long unbroken runs. */
function withoutSecrets(answer: ErrorAnswer, redact: (text: string) => string): ErrorAnswer {
  const description = redact(answer.error_description.slice(0, maxReadDescription))
    .replace(/eyJ[\w-]*(?:\.[\w-]*)*/g, '[redacted]')
    .replace(/[\w~+/=-]{24,}/g, '[redacted]');
  const echoed = redact(answer.error) !== answer.error || answer.error.startsWith('eyJ');
  return { ...answer, error: echoed ? 'unknown' : answer.error, error_description: description };
}

function describe({ error, error_description }: ErrorAnswer): string {
  const kept = error_description.slice(0, maxDescription);
  return kept === '' ? error : `${error}: ${kept}`;
}

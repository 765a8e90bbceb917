// Every way a call can be refused: a specific reason for the audit record, a stable public code for the client.
// The public side must never carry what the specific reason knows (which claim, which rule, what the issuer said).

import { bounded } from './bounded.ts';

interface PublicCode {
  readonly status: number;
  readonly message: string;
  /** Whether an SDK's automatic retry can help; when false the answer carries `x-should-retry: false`. */
  readonly retryable: boolean;
}

/** What a client is told. Stable: clients and dashboards may rely on these. */
export const publicCodes = {
  malformed_request: { status: 400, message: 'The request is malformed.', retryable: false },
  credential_required: {
    status: 401,
    message: "No identity token was presented. Put this workload's own token where the SDK wants an API key.",
    retryable: false,
  },
  caller_required: {
    status: 401,
    message:
      "A user's token alone does not say who is calling. Put this workload's own token where the SDK wants an API key, and the user's into Postern-Subject-Token.",
    retryable: false,
  },
  credential_invalid: { status: 401, message: 'The presented identity token was not accepted.', retryable: false },
  credential_expired: {
    status: 401,
    message: 'The presented identity token has expired. Obtain a new one and try again.',
    retryable: false,
  },
  subject_required: {
    status: 401,
    message: 'This route acts on behalf of a user and no user token was presented (Postern-Subject-Token).',
    retryable: false,
  },
  step_up_required: {
    status: 401,
    message: 'The issuer asks for a stronger or fresher sign-in of the user.',
    retryable: false,
  },
  delegation_refused: {
    status: 403,
    message: 'The caller may not act on behalf of this subject.',
    retryable: false,
  },
  access_denied: { status: 403, message: 'Policy does not allow this call.', retryable: false },
  access_revoked: { status: 403, message: 'Access for this call was revoked.', retryable: false },
  route_not_found: { status: 404, message: 'No route matches this request.', retryable: false },
  session_not_found: { status: 404, message: 'The session is unknown. Initialize a new one.', retryable: false },
  request_too_large: {
    status: 413,
    message: 'The request is larger than what policy can inspect on this route.',
    retryable: false,
  },
  upstream_error: { status: 502, message: 'The upstream could not be reached or answered wrongly.', retryable: true },
  upstream_refused_credential: {
    status: 502,
    message: 'The upstream did not accept the credential issued for this call.',
    retryable: false,
  },
  credential_unavailable: {
    status: 503,
    message: 'A credential for this call could not be obtained at the moment. Try again shortly.',
    retryable: true,
  },
  credential_unverified: {
    status: 502,
    message: 'The credential issued for this call did not pass verification.',
    retryable: false,
  },
  overloaded: { status: 503, message: 'The gate is at its limit. Try again shortly.', retryable: true },
  shutting_down: { status: 503, message: 'The gate is shutting down. Try again shortly.', retryable: true },
  upstream_timeout: { status: 504, message: 'The upstream did not answer in time.', retryable: true },
  internal_error: { status: 500, message: 'The gate failed on this call and refused it.', retryable: false },
} as const satisfies Record<string, PublicCode>;

export type Code = keyof typeof publicCodes;

/** What the operator is told, in audit, spans and logs: one specific reason each, mapped to its public code. */
export const reasons = {
  // arrival and strip
  request_malformed: 'malformed_request',
  target_malformed: 'malformed_request',
  header_ambiguous: 'malformed_request',
  header_too_large: 'malformed_request',
  // identify
  token_missing: 'credential_required',
  token_malformed: 'credential_invalid',
  token_oversize: 'credential_invalid',
  token_algorithm_refused: 'credential_invalid',
  token_type_refused: 'credential_invalid',
  token_signature_invalid: 'credential_invalid',
  token_key_unknown: 'credential_invalid',
  token_issuer_unknown: 'credential_invalid',
  token_audience_mismatch: 'credential_invalid',
  token_not_yet_valid: 'credential_invalid',
  token_claims_invalid: 'credential_invalid',
  token_sender_constrained: 'credential_invalid',
  token_expired: 'credential_expired',
  token_ambiguous: 'credential_invalid',
  keys_unavailable: 'credential_unavailable',
  own_identity_unavailable: 'credential_unavailable',
  principal_kind_undecided: 'credential_invalid',
  caller_not_authenticated: 'caller_required',
  handle_unknown: 'credential_invalid',
  handle_expired: 'credential_expired',
  trace_subject_unknown: 'subject_required',
  trace_subject_ambiguous: 'delegation_refused',
  subject_missing: 'subject_required',
  subject_not_a_user: 'subject_required',
  subject_not_allowed: 'access_denied',
  cross_site_refused: 'access_denied',
  actor_not_bound: 'delegation_refused',
  may_act_mismatch: 'delegation_refused',
  chain_malformed: 'delegation_refused',
  chain_too_deep: 'delegation_refused',
  chain_loop: 'delegation_refused',
  // route
  route_unmatched: 'route_not_found',
  operation_unmatched: 'route_not_found',
  target_escapes_route: 'malformed_request',
  token_endpoint_blocked: 'route_not_found',
  body_malformed: 'malformed_request',
  body_field_ambiguous: 'malformed_request',
  body_over_inspection_limit: 'request_too_large',
  mcp_header_mismatch: 'malformed_request',
  mcp_batch_refused: 'malformed_request',
  mcp_session_unbound: 'session_not_found',
  upgrade_not_allowed: 'malformed_request',
  // permit
  subject_revoked: 'access_revoked',
  actor_revoked: 'access_revoked',
  member_revoked: 'access_revoked',
  delegation_revoked: 'access_revoked',
  route_revoked: 'access_revoked',
  token_revoked: 'credential_invalid',
  policy_denied: 'access_denied',
  policy_failed: 'access_denied',
  // arm
  subject_token_rejected: 'credential_invalid',
  exchange_denied: 'access_denied',
  subject_app_only: 'subject_required',
  step_up_demanded: 'step_up_required',
  issuer_unreachable: 'credential_unavailable',
  issuer_timeout: 'credential_unavailable',
  issuer_failed: 'credential_unavailable',
  issuer_answer_malformed: 'credential_unavailable',
  issuer_answer_oversize: 'credential_unavailable',
  issuer_rejected_client: 'credential_unavailable',
  exchange_misconfigured: 'credential_unavailable',
  exchange_audience_unknown: 'credential_unavailable',
  secret_unavailable: 'credential_unavailable',
  exchange_overloaded: 'overloaded',
  issued_audience_mismatch: 'credential_unverified',
  issued_subject_changed: 'credential_unverified',
  issued_actor_missing: 'credential_unverified',
  issued_chain_changed: 'credential_unverified',
  issued_scope_widened: 'credential_unverified',
  issued_lifetime_too_long: 'credential_unverified',
  issued_token_expired: 'credential_unverified',
  issued_token_inactive: 'credential_unverified',
  issued_token_unreadable: 'credential_unverified',
  issued_token_type_refused: 'credential_unverified',
  issued_key_mismatch: 'credential_unverified',
  // forward
  upstream_unreachable: 'upstream_error',
  upstream_address_refused: 'upstream_error',
  upstream_timed_out: 'upstream_timeout',
  upstream_answer_malformed: 'upstream_error',
  upstream_encoding_refused: 'upstream_error',
  upstream_redirect_refused: 'upstream_error',
  upstream_upgrade_failed: 'upstream_error',
  upstream_overloaded: 'overloaded',
  upstream_rejected_credential: 'upstream_refused_credential',
  // the gate itself
  audit_unavailable: 'overloaded',
  draining: 'shutting_down',
  internal_fault: 'internal_error',
} as const satisfies Record<string, Code>;

export type Reason = keyof typeof reasons;

export interface RefusalFacts {
  /** For the operator only; bounded and free of secrets. */
  readonly detail?: string;
  /** Seconds for a Retry-After header. */
  readonly retryAfter?: number;
  /** Parameters of the WWW-Authenticate challenge (RFC 6750, RFC 9470), e.g. `error="insufficient_user_authentication"`. */
  readonly challenge?: string;
  /** A JSON-RPC error code where the MCP specification fixes one (e.g. -32020 HeaderMismatch). */
  readonly rpcCode?: number;
  readonly cause?: unknown;
}

/** Longest detail kept, in characters: details may quote what an attacker or an issuer wrote. */
const maxDetail = 256;

/** A call that is not made. Thrown by any stage, answered once, recorded once. */
export class Refusal extends Error {
  readonly reason: Reason;
  readonly code: Code;
  readonly status: number;
  readonly detail: string | undefined;
  readonly retryAfter: number | undefined;
  readonly challenge: string | undefined;
  readonly rpcCode: number | undefined;

  constructor(reason: Reason, facts: RefusalFacts = {}) {
    super(reason, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = 'Refusal';
    this.reason = reason;
    this.code = reasons[reason];
    this.status = publicCodes[this.code].status;
    this.detail = facts.detail === undefined ? undefined : bounded(facts.detail, maxDetail);
    this.retryAfter = facts.retryAfter;
    this.challenge = facts.challenge;
    this.rpcCode = facts.rpcCode;
  }
}

/** Any failure as a refusal: what is not already one is the gate's own fault, and refuses the call (fail closed). */
export function asRefusal(failure: unknown): Refusal {
  if (failure instanceof Refusal) return failure;
  const detail = failure instanceof Error ? failure.name : typeof failure;
  return new Refusal('internal_fault', { detail, cause: failure });
}

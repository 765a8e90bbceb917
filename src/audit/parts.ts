// Parts that several records share, as JSON text: what was asked for, the credential, the answer. Names, digests and decisions
// only. Each begins with its comma, and is empty where there is nothing to say.
// Must never carry a credential, a query string or a body; every text an agent, an issuer or an upstream wrote is bounded.

import { boundedList, boundedOptional } from '../base/bounded.ts';
import type { Refusal } from '../base/errors.ts';
import { serverAddress } from '../base/upstream-address.ts';
import type { Arrival, ExchangeStart, Reply, RoutedCall, StrippedCall } from '../call.ts';
import type { CredentialFacts, SpanReference } from '../credential.ts';
import { isPermitted, pathOf } from '../reached.ts';
import { isoTime } from './iso-time.ts';
import { listed, numeral, optional, optionalOutside, outside, quoted } from './json-text.ts';

const maxText = 256;
const maxMethod = 32;
const maxPath = 1_024;
const maxListed = 64;

export interface DelegationIds {
  readonly rootId: string;
  readonly id: string;
  readonly parentId: string | undefined;
}

/** The one that begins a record. */
export function place(call: Arrival, { traceId, spanId }: SpanReference): string {
  return `"request_id":${quoted(call.id)},"trace_id":${quoted(traceId)},"span_id":${quoted(spanId)}`;
}

export function delegation(ids: DelegationIds | undefined): string {
  if (ids === undefined) return '';
  const root = `,"root_id":${outside(ids.rootId, maxText)}`;
  return `${root},"delegation_id":${quoted(ids.id)}${optional(',"parent_id":', ids.parentId)}`;
}

/** The call as it came in. */
export function asked(call: Arrival): string {
  const path = outside(pathOf(call), maxPath);
  return `,"method":${outside(call.method, maxMethod)},"path":${path},"peer":${quoted(call.peer.address)}`;
}

export function operation({ facts }: RoutedCall): string {
  return (
    optionalOutside(',"operation":', facts.operation, maxText) +
    optionalOutside(',"model":', facts.model, maxText) +
    optionalOutside(',"tool":', facts.tool, maxText)
  );
}

export function rule(call: Arrival): string {
  if (!isPermitted(call)) return '';
  const { rule, policyVersion } = call.decision;
  return `,"rule":${quoted(rule)},"policy_version":${quoted(policyVersion)}`;
}

export function failure(refusal: Refusal | undefined): string {
  if (refusal === undefined) return '';
  return `,"reason":${quoted(refusal.reason)}${optionalOutside(',"detail":', refusal.detail, maxText)}`;
}

export function slots({ presented }: StrippedCall): string {
  const names = presented.map(({ slot }) => slot);
  return `,"stripped":${listed(names, maxListed, maxText)}`;
}

/** @param address JSON text */
export function replied({ upstreamRequestId, bytesSent, bytesReceived, end }: Reply, address: string): string {
  const id = optionalOutside(',"request_id":', upstreamRequestId, maxText);
  const bytes = `{"sent":${numeral(bytesSent)},"received":${numeral(bytesReceived)}}`;
  return `,"upstream":{"address":${address}${id}},"bytes":${bytes},"end":"${end}"`;
}

export function duration(ms: number): string {
  return `,"duration_ms":${numeral(Math.round(ms * 1_000) / 1_000)}`;
}

export function addressOf(url: string): string {
  const { address, port } = serverAddress(url);
  return `${address}:${port}`;
}

export function credential(facts: CredentialFacts): object {
  return {
    kind: facts.kind,
    exchange: facts.exchange,
    grant: facts.grant,
    issuer: boundedOptional(facts.issuer, maxText),
    audience: boundedOptional(facts.audience, maxText),
    scopes_requested: boundedList(facts.scopesRequested, maxListed, maxText),
    scopes_granted: facts.scopesGranted && boundedList(facts.scopesGranted, maxListed, maxText),
    expires_at: facts.expiresAt === undefined ? undefined : isoTime(facts.expiresAt * 1_000),
    lifetime_s: facts.lifetime,
    fingerprint: facts.fingerprint,
    bound_to: facts.boundTo,
    id_hash: facts.idHash,
    verification: {
      mode: facts.verification.mode,
      findings: boundedList(facts.verification.findings, maxListed, maxText),
    },
    via: facts.via?.map(leg),
  };
}

/** A token that the credential was traded for: what its own record says of it at more length. */
function leg({ exchange, grant, issuer, audience, fingerprint, idHash }: CredentialFacts): object {
  return {
    exchange,
    grant,
    issuer: boundedOptional(issuer, maxText),
    audience: boundedOptional(audience, maxText),
    fingerprint,
    id_hash: idHash,
  };
}

export function exchangeAsked(start: ExchangeStart): object {
  return {
    name: start.exchange,
    grant: start.grant,
    issuer: addressOf(start.endpoint),
    audience: boundedOptional(start.audience, maxText),
    scopes: boundedList(start.scopes, maxListed, maxText),
  };
}

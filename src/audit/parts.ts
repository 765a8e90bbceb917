// Parts that several records share: what was asked for, the credential, the answer. Names, digests and decisions only.
// Must never carry a credential, a query string or a body; every text an agent, an issuer or an upstream wrote is bounded.

import { bounded, boundedList, boundedOptional } from '../base/bounded.ts';
import { serverAddress } from '../base/upstream-address.ts';
import type { Arrival, ExchangeStart, Reply, RoutedCall, StrippedCall } from '../call.ts';
import type { CredentialFacts } from '../credential.ts';
import { isPermitted, isRouted, pathOf } from '../reached.ts';

export const maxText = 256;
const maxMethod = 32;
const maxPath = 1_024;
const maxListed = 64;

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** The call as it came in, and as far as it came. */
export function asked(call: Arrival): object {
  return {
    ...(isRouted(call) ? target(call) : undefined),
    method: bounded(call.method, maxMethod),
    path: bounded(pathOf(call), maxPath),
    peer: call.peer.address,
  };
}

export function target({ route, facts }: RoutedCall): object {
  return {
    route: route.id,
    preset: route.preset,
    operation: boundedOptional(facts.operation, maxText),
    model: boundedOptional(facts.model, maxText),
    tool: boundedOptional(facts.tool, maxText),
  };
}

export function rule(call: Arrival): object | undefined {
  return isPermitted(call) ? { rule: call.decision.rule, policy_version: call.decision.policyVersion } : undefined;
}

export function owners(call: Arrival): object | undefined {
  return isRouted(call) ? { owners: call.route.owners } : undefined;
}

export function slots({ presented }: StrippedCall): readonly string[] {
  return boundedList(
    presented.map(({ slot }) => slot),
    maxListed,
    maxText,
  );
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
  const { address, port } = serverAddress(start.endpoint);
  return {
    name: start.exchange,
    grant: start.grant,
    issuer: `${address}:${port}`,
    audience: boundedOptional(start.audience, maxText),
    scopes: boundedList(start.scopes, maxListed, maxText),
  };
}

export function replied(reply: Reply): object {
  const { address, port } = serverAddress(reply.call.upstream.origin);
  return {
    upstream: { address: `${address}:${port}`, request_id: boundedOptional(reply.upstreamRequestId, maxText) },
    bytes: { sent: reply.bytesSent, received: reply.bytesReceived },
    end: reply.end,
  };
}

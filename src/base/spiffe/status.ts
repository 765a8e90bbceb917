// What a gRPC call ended with: the status in its trailers, or in its headers where there is nothing else
// (grpc/grpc, doc/PROTOCOL-HTTP2.md and doc/statuscodes.md; SPIFFE_Workload_Endpoint.md section 6 for what they mean here).

import type { IncomingHttpHeaders, IncomingHttpStatusHeader } from 'node:http2';
import { WorkloadFailure, type WorkloadFailureKind } from './failure.ts';

const names = [
  ...['OK', 'Cancelled', 'Unknown', 'InvalidArgument', 'DeadlineExceeded', 'NotFound', 'AlreadyExists'],
  ...['PermissionDenied', 'ResourceExhausted', 'FailedPrecondition', 'Aborted', 'OutOfRange', 'Unimplemented'],
  ...['Internal', 'Unavailable', 'DataLoss', 'Unauthenticated'],
];

/** Everything else is passing: the agent starts, stops, or is short of something. */
const kinds = new Map<string, WorkloadFailureKind>([
  ['PermissionDenied', 'not_issued'],
  ['Unauthenticated', 'not_issued'],
  ['InvalidArgument', 'refused'],
  ['Unimplemented', 'refused'],
  ['DeadlineExceeded', 'timeout'],
]);

const words = new Map<WorkloadFailureKind, string>([
  ['not_issued', 'the Workload API has no identity for this workload'],
  ['refused', 'the Workload API does not do what it was asked'],
  ['timeout', 'the Workload API took too long'],
]);

/** undefined where these headers hold no status; null for OK. */
export function statusOf(headers: IncomingHttpHeaders): WorkloadFailure | null | undefined {
  const status = headers['grpc-status'];
  if (status === undefined) return undefined;
  const name = /^\d{1,2}$/.test(String(status)) ? names[Number(status)] : undefined;
  if (name === 'OK') return null;
  const kind = kinds.get(name ?? '') ?? 'unavailable';
  // grpc-message is left out: it is free text of the other side, and some servers put what they were sent into it.
  return new WorkloadFailure(
    kind,
    `${words.get(kind) ?? 'the Workload API is not available'} (${name ?? 'no status'})`,
  );
}

/** Why this is no gRPC answer at all; undefined for one that is. */
export function problemOf(headers: IncomingHttpHeaders & IncomingHttpStatusHeader): WorkloadFailure | undefined {
  const status = headers[':status'];
  if (status !== 200) {
    return new WorkloadFailure('malformed', `the socket answers with HTTP status ${status ?? 'none'}: no Workload API`);
  }
  const type = headers['content-type'] ?? '';
  if (/^application\/grpc(?:[+;]|$)/.test(type)) return undefined;
  return new WorkloadFailure('malformed', 'the socket answers with something else than gRPC: no Workload API');
}

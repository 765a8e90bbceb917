// Where the gate's own identity token comes from, for exchanges in its own name: a file, a metadata service, a CI runner.
// The seam every subject source fits. Somebody chose it for the exchange; it is never a fallback for a missing subject,
// and no call's token ever takes its place (mcp-gateway-registry#1269).

import type { Clock, Log, Send } from '../base/ports.ts';
import type { Report } from '../base/problem.ts';
import type { Secret } from '../base/secret.ts';
import type { OpenWorkloadApi } from '../base/spiffe/workload-api.ts';
import { expiryOf } from './readable.ts';

export interface SubjectSource {
  /** Name in the configuration. */
  readonly name: string;
  /** Reads the token that holds now; every time anew. Throws a Refusal, `secret_unavailable` for any fault of the source. */
  read(): Promise<Secret>;
}

export interface SourcePorts {
  readonly clock: Clock;
  readonly send: Send;
  readonly log: Log;
  /** The SPIFFE Workload API, by its socket. */
  readonly workload: OpenWorkloadApi;
  /** Takes paths below this source's own entry. */
  readonly report: Report;
}

/** A token of the gate's own, and when it ends. */
export interface SourcedToken {
  readonly token: Secret;
  /** Ms since the epoch; undefined where the token does not say. */
  readonly endsAt: number | undefined;
}

export async function readSource(source: SubjectSource): Promise<SourcedToken> {
  const token = await source.read();
  const exp = expiryOf(token);
  return { token, endsAt: exp === undefined ? undefined : exp * 1000 };
}

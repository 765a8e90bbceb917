// Scalar types of the configuration that name a Workload API and an identity it issues.
// A socket is a path on this machine and nothing else: whoever answers there says who the gate is.

import * as z from 'zod';
import { maxSocketPath } from '../scalars.ts';

/**
 * Path of `unix:///run/agent.sock` (or `unix:/run/agent.sock`, the same URI without the empty authority); undefined for
 * anything else (SPIFFE_Workload_Endpoint.md section 4).
 */
export function socketPath(uri: string): string | undefined {
  const path = /^unix:(?:\/\/)?(\/[^\u0000?#%]+)$/.exec(uri)?.[1];
  return path === undefined || path.startsWith('//') || Buffer.byteLength(path) > maxSocketPath ? undefined : path;
}

export const workloadSocket = z
  .string()
  .refine(
    (uri) => socketPath(uri) !== undefined,
    'is not a unix socket, such as unix:///run/spire/sockets/agent.sock; tcp endpoints are not supported',
  )
  .meta({ title: 'socket', examples: ['unix:///run/spire/sockets/agent.sock'] });

/** SPIFFE-ID.md section 2. */
export const spiffeId = z
  .string()
  .max(2_048)
  .regex(
    /^spiffe:\/\/[a-z0-9._-]{1,255}(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)+$/,
    'is not a SPIFFE ID, such as spiffe://corp.example/ns/agents/sa/postern',
  )
  .meta({ title: 'SPIFFE ID', examples: ['spiffe://corp.example/ns/agents/sa/postern'] });

/** Where the Workload API is and which of its identities is meant, for every option that uses it. */
export const workloadShape = {
  socket: workloadSocket
    .optional()
    .describe(
      'The unix socket of the SPIFFE Workload API; by default the environment variable SPIFFE_ENDPOINT_SOCKET.',
    ),
  spiffe_id: spiffeId
    .optional()
    .describe('Which of several identities of this workload; by default the first the Workload API gives.'),
};

// Configuration of identity: whose tokens are understood (trust-schema.ts), what this proxy is, what a route says about who
// is behind a call, and who may call the agent behind the inbound listener.

import * as z from 'zod';
import { configPath } from '../base/config-path.ts';
import { duration, identifier } from '../base/scalars.ts';
import { workloadShape } from '../base/spiffe/scalars.ts';

export { trustSchema } from './trust-schema.ts';

/** What this proxy is. */
export const identitySchema = z
  .strictObject({
    mode: z
      .enum(['shared', 'sidecar'])
      .default('shared')
      .describe(
        '`sidecar`: beside one agent, whose identity it holds. `shared`: each caller proves itself on each call.',
      ),
    token_file: configPath
      .optional()
      .describe("The sidecar's own identity token, kept fresh by the platform; read again as it rotates."),
    spiffe: z
      .strictObject({
        audience: z.string().min(1).max(1_024).describe('Audience of the JWT-SVID; one that its trust entry accepts.'),
        ...workloadShape,
      })
      .optional()
      .describe("The sidecar's own identity as a JWT-SVID of the SPIFFE Workload API, in place of `token_file`."),
    max_chain_depth: z
      .int()
      .min(1)
      .max(16)
      .default(6)
      .describe('Most actors in a delegation chain, the caller included; a deeper chain is refused, never shortened.'),
    allowed_origins: z
      .array(z.string().min(1).max(512))
      .max(64)
      .default([])
      .describe(
        'Values of `Origin` a sidecar lets through, for agents that live in a browser; any other web page is refused.',
      ),
  })
  .superRefine((identity, context) => {
    const own = (['token_file', 'spiffe'] as const).filter((source) => identity[source] !== undefined);
    if (identity.mode === 'sidecar' && own.length === 0) {
      context.addIssue({
        code: 'custom',
        path: ['token_file'],
        message:
          'is required with `mode: sidecar`; name the file of the identity token of the agent beside it, or write `spiffe`',
      });
    }
    if (own.length > 1) {
      context.addIssue({ code: 'custom', path: ['spiffe'], message: 'stands beside `token_file`; write one of them' });
    }
    if (identity.mode === 'shared') {
      for (const source of own) {
        context.addIssue({ code: 'custom', path: [source], message: 'has no effect without `mode: sidecar`' });
      }
    }
  });

/** What a route says about who is behind a call. */
export const routeIdentityShape = {
  subject_from: z
    .enum(['credential', 'trace'])
    .default('credential')
    .describe(
      '`trace`: a call that carries no credential at all acts for the subject of the inbound call whose trace it continues, and is refused where there is none. Needs `inbound`.',
    ),
};

/** Whose calls reach the agent behind the inbound listener, and what the agent gets in place of their tokens. */
export const inboundIdentityShape = {
  trust: z
    .array(identifier)
    .min(1)
    .max(32)
    .optional()
    .describe('Names of the trust entries whose tokens callers of the agent may present; all of them when absent.'),
  audiences: z
    .array(z.string().min(1).max(1_024))
    .min(1)
    .max(32)
    .optional()
    .describe(
      "Names of the agent, one of which must be in a token's `aud`; what its trust entry accepts when absent. A gate that shares audiences with others should name its own here.",
    ),
  on_behalf_of: z
    .enum(['required', 'required_any', 'optional', 'never'])
    .default('optional')
    .describe(
      '`required` wants a user, `required_any` a user or a workload that another one speaks for, `never` a workload that calls for itself.',
    ),
  handle_ttl: duration
    .prefault('1h')
    .describe('How long a handle lives after the last call that brought its token, if the token does not end sooner.'),
  trace_grace: duration
    .prefault('5s')
    .refine((milliseconds) => milliseconds <= 60_000, 'is more than 1m; give the agent handles instead')
    .describe(
      'With `subject_from: trace`, how long after the end of an inbound call its trace still names its subject.',
    ),
};

export type InboundIdentityConfig = z.output<z.ZodObject<typeof inboundIdentityShape>>;

export type IdentityConfig = z.output<typeof identitySchema>;

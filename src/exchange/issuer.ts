// An OAuth issuer as a grant sees it: one question, everything else (metadata, client authentication, transport) arranged
// once from the configuration. Reports what cannot work at load.

import { createClientAuth } from './client-auth.ts';
import type { ClientOptions } from './client-auth-schema.ts';
import type { GrantPorts, Issued } from './grant.ts';
import { type IssuerOptions, isProtected } from './issuer-schema.ts';
import { createMetadata } from './metadata.ts';
import { type AskTokenEndpoint, createTokenEndpoint } from './token-endpoint.ts';

export interface Issuer {
  /** The token endpoint where configured, else the issuer it is discovered from. */
  readonly endpoint: string;
  readonly ask: AskTokenEndpoint;
  /** Looks up metadata. Throws a Refusal. */
  prepare(): Promise<void>;
}

export type IssuerGrantOptions = IssuerOptions & { readonly client: ClientOptions };

export function createIssuer(options: IssuerGrantOptions, ports: GrantPorts): Issuer {
  reportProblems(options, ports);
  const { client } = options;
  const locate = createMetadata(options, ports);
  const authenticate = createClientAuth(client, {
    clock: ports.clock,
    report: (problem) => ports.report({ ...problem, path: ['client', ...problem.path] }),
  });
  const ask = createTokenEndpoint({
    locate,
    clientId: client.id,
    authenticate,
    clientSecret: 'secret' in client ? client.secret : undefined,
    send: ports.send,
    timeoutMs: options.timeout,
  });
  return {
    endpoint: options.token_endpoint ?? options.issuer ?? '',
    ask: (inputs, traceparent): Promise<Issued> => ask(inputs, traceparent),
    async prepare() {
      await locate();
    },
  };
}

function reportProblems(options: IssuerGrantOptions, { report, log }: GrantPorts): void {
  const { issuer, token_endpoint, client } = options;
  if (issuer === undefined && token_endpoint === undefined) {
    report({ path: [], what: 'names no issuer', mend: 'add `issuer`, or `token_endpoint`' });
  }
  for (const name of ['issuer', 'token_endpoint'] as const) {
    const url = options[name];
    if (url === undefined || isProtected(url, options)) continue;
    report({ path: [name], what: 'would send tokens over plain http', mend: 'use https, or set insecure_http: true' });
  }
  if (client.auth === 'private_key_jwt' && issuer === undefined && client.assertion_audience === undefined) {
    const mend = 'add `issuer`, or `assertion_audience` to the client';
    report({ path: ['client'], what: 'has no audience for its assertion', mend });
  }
  const endpoint = token_endpoint ?? issuer;
  if (options.insecure_http) log.warn({ endpoint }, 'insecure_http: tokens to this issuer can be read on the way');
  if (client.auth === 'none') log.warn({ endpoint }, 'client auth is none: a stolen token can be exchanged by anyone');
}

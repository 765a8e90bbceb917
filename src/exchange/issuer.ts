// An OAuth issuer as a grant sees it: one question, everything else (metadata, client authentication, transport) arranged
// once from the configuration. Reports what cannot work at load.

import { Refusal } from '../base/errors.ts';
import type { Secret } from '../base/secret.ts';
import { type ClientProof, createClientAuth } from './client-auth.ts';
import type { ClientOptions } from './client-auth-schema.ts';
import { createPossession, type DpopOptions } from './dpop.ts';
import type { GrantPorts } from './grant.ts';
import { createIntrospection, type Introspect } from './introspection.ts';
import { type IssuerOptions, isProtected } from './issuer-schema.ts';
import type { Encoding } from './message.ts';
import { createMetadata, type IssuerMetadata } from './metadata.ts';
import { locateForTls, showing } from './mutual-tls.ts';
import { type AskTokenEndpoint, createTokenEndpoint } from './token-endpoint.ts';
import type { ReasonOfCode } from './token-error.ts';

export interface Issuer {
  /** The token endpoint where configured, else the issuer it is discovered from. */
  readonly endpoint: string;
  readonly clientId: string | undefined;
  readonly ask: AskTokenEndpoint;
  /** undefined where introspection is not configured. */
  readonly introspect: Introspect | undefined;
  /** Looks up metadata. Throws a Refusal. */
  prepare(): Promise<void>;
}

export interface IssuerGrantOptions extends IssuerOptions {
  /** undefined for issuers that take an assertion without client authentication (RFC 7523 section 3.1). */
  readonly client?: ClientOptions | undefined;
  readonly encoding?: Encoding;
  readonly headers?: Readonly<Record<string, string>>;
  readonly dpop?: DpopOptions | undefined;
  readonly introspect?:
    | { readonly endpoint?: string | undefined; readonly client?: ClientOptions | undefined }
    | undefined;
}

/** @param reasons what error codes of this issuer's own mean */
export function createIssuer(options: IssuerGrantOptions, ports: GrantPorts, reasons?: ReasonOfCode): Issuer {
  reportProblems(options, ports);
  const possession = options.dpop && createPossession(options.dpop, ports.clock);
  const locate = offering(createMetadata(options, ports), possession?.alg);
  const client = readClient(options.client, ['client'], ports);
  const ask = createTokenEndpoint({
    ...client,
    locate: locateForTls(locate, client.certificate),
    send: showing(ports.send, client.certificate),
    timeoutMs: options.timeout,
    encoding: options.encoding ?? 'form',
    headers: options.headers ?? {},
    possession,
    ...(reasons !== undefined && { reasons }),
  });
  return {
    // With neither, the configuration was refused above and no call gets here.
    endpoint: options.token_endpoint ?? options.issuer ?? '',
    clientId: options.client?.id,
    ask,
    introspect: readIntrospection(options, locate, client, ports),
    async prepare() {
      const { issuer } = await locate();
      await client.prepare?.(issuer);
    },
  };
}

/** Metadata of an issuer that takes proofs of this algorithm, as far as it says (RFC 9449 section 5.1). */
function offering(locate: () => Promise<IssuerMetadata>, alg: string | undefined): () => Promise<IssuerMetadata> {
  if (alg === undefined) return locate;
  return async () => {
    const metadata = await locate();
    if (metadata.dpopAlgorithms?.includes(alg) !== false) return metadata;
    const detail = `the issuer takes no DPoP proof signed with ${alg}`;
    throw new Refusal('exchange_misconfigured', { detail, retryAfter: 1 });
  };
}

interface Client extends ClientProof {
  readonly clientId: string | undefined;
  readonly clientSecret: Secret | undefined;
}

function readClient(client: ClientOptions | undefined, path: readonly string[], ports: GrantPorts): Client {
  if (client === undefined) return { clientId: undefined, authenticate: () => {}, clientSecret: undefined };
  const report: GrantPorts['report'] = (problem) => ports.report({ ...problem, path: [...path, ...problem.path] });
  return {
    clientId: client.id,
    ...createClientAuth(client, { ...ports, report }),
    clientSecret: 'secret' in client ? client.secret : undefined,
  };
}

function readIntrospection(
  { introspect, timeout }: IssuerGrantOptions,
  locate: () => Promise<IssuerMetadata>,
  client: Client,
  ports: GrantPorts,
): Introspect | undefined {
  if (introspect === undefined) return undefined;
  const own = introspect.client && readClient(introspect.client, ['introspect', 'client'], ports);
  const asking = own ?? client;
  const locateIssuer = locateForTls(locate, asking.certificate);
  return createIntrospection({
    ...asking,
    send: showing(ports.send, asking.certificate),
    timeoutMs: timeout,
    async locate() {
      const { issuer, introspectionEndpoint } = await locateIssuer();
      const endpoint = introspect.endpoint ?? introspectionEndpoint;
      if (endpoint !== undefined) return { issuer, endpoint };
      const detail = 'the issuer publishes no introspection endpoint';
      throw new Refusal('exchange_misconfigured', { detail, retryAfter: 1 });
    },
  });
}

function reportProblems(options: IssuerGrantOptions, { report, log }: GrantPorts): void {
  const { issuer, token_endpoint, client, introspect } = options;
  if (issuer === undefined && token_endpoint === undefined) {
    report({ path: [], what: 'names no issuer', mend: 'add `issuer`, or `token_endpoint`' });
  }
  const places = [
    { path: ['issuer'], url: issuer },
    { path: ['token_endpoint'], url: token_endpoint },
    { path: ['introspect', 'endpoint'], url: introspect?.endpoint },
  ];
  for (const { path, url } of places) {
    if (url === undefined || isProtected(url, options)) continue;
    report({ path, what: 'would send tokens over plain http', mend: 'use https, or set insecure_http: true' });
  }
  if (introspect !== undefined && introspect.endpoint === undefined && token_endpoint !== undefined) {
    // With a configured token endpoint no metadata is read.
    const mend = 'add `endpoint`, or leave out `token_endpoint` so that both are discovered';
    report({ path: ['introspect'], what: 'names no endpoint', mend });
  }
  if (client?.auth === 'private_key_jwt' && issuer === undefined && client.assertion_audience === undefined) {
    const mend = 'add `issuer`, or `assertion_audience` to the client';
    report({ path: ['client'], what: 'has no audience for its assertion', mend });
  }
  if (client?.auth === 'spiffe_jwt' && issuer === undefined) {
    report({ path: ['client'], what: 'has no audience for its JWT-SVID', mend: 'add `issuer`' });
  }
  const endpoint = token_endpoint ?? issuer;
  if (options.insecure_http) log.warn({ endpoint }, 'insecure_http: tokens to this issuer can be read on the way');
  if (client?.auth === 'none') log.warn({ endpoint }, 'client auth is none: a stolen token can be exchanged by anyone');
}

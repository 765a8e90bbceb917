// How this gate authenticates itself at a token endpoint: one function per method, compiled once from the configuration.
// An exchange without client authentication would launder stolen tokens (RFC 8693 section 5), so `none` is warned about.
// Must never put a key, a client secret or an assertion into a message, not even into that of a parse error.

import {
  type ClientAuth,
  ClientSecretPost,
  type ModifyAssertionFunction,
  modifyAssertion,
  None,
  PrivateKeyJwt,
  TlsClientAuth,
} from 'oauth4webapi';
import type { ClientCertificate } from '../base/certificate.ts';
import type { Clock, Log } from '../base/ports.ts';
import type { Report } from '../base/problem.ts';
import type { Secret } from '../base/secret.ts';
import type { OpenWorkloadApi } from '../base/spiffe/workload-api.ts';
import type { ClientOptions } from './client-auth-schema.ts';
import { assertionType, spiffeJwt, spiffeX509 } from './client-auth-spiffe.ts';
import { createFileCertificate } from './client-certificate.ts';
import { readSecretFile } from './secret-file.ts';
import { readSigningKey } from './signing-key.ts';

/** Lifetime of a client assertion, in seconds: long enough for clock skew, short enough to be useless when leaked. */
const assertionLifetime = 60;

export interface ClientAuthPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly workload: OpenWorkloadApi;
  /** Takes paths below `client`. */
  readonly report: Report;
}

export interface ClientProof {
  /** Puts this gate's proof on a request. Throws a Refusal. */
  readonly authenticate: ClientAuth;
  /** What proves it on the connection instead (RFC 8705). */
  readonly certificate?: ClientCertificate;
  /** Looks up what can be known before the first message. Throws a Refusal. */
  prepare?(issuer: string): Promise<unknown>;
}

/** The key of a `private_key_jwt` client is read here, so that a bad one is reported at load. */
export function createClientAuth(client: ClientOptions, ports: ClientAuthPorts): ClientProof {
  switch (client.auth) {
    case 'spiffe_jwt':
      return spiffeJwt(client, ports);
    case 'spiffe_x509':
      return spiffeX509(client, ports);
    case 'tls_client_auth':
    case 'self_signed_tls_client_auth': {
      const certificate = createFileCertificate(client, ports);
      return { authenticate: TlsClientAuth(), certificate, prepare: () => certificate.current() };
    }
    default:
      return { authenticate: inMessage(client, ports) };
  }
}

type Rotated = 'spiffe_jwt' | 'spiffe_x509' | 'tls_client_auth' | 'self_signed_tls_client_auth';

function inMessage(client: Exclude<ClientOptions, { auth: Rotated }>, ports: ClientAuthPorts): ClientAuth {
  switch (client.auth) {
    case 'none':
      return None();
    case 'client_secret_basic':
      return basic(client.secret);
    case 'client_secret_post':
      return ClientSecretPost(client.secret.reveal());
    case 'private_key_jwt':
      return signedAssertion(client, ports);
    case 'federated_assertion':
      return federatedAssertion(client);
  }
}

/**
 * RFC 6749 section 2.3.1: identifier and secret are form-encoded before they are joined. Encoded no further than forms
 * need (`-`, `_` and `.` stay), since issuers that forget to decode are common and identifiers with `-` too.
 */
function basic(secret: Secret): ClientAuth {
  return (_as, client, _body, headers) => {
    const pair = `${formEncode(client.client_id)}:${formEncode(secret.reveal())}`;
    headers.set('authorization', `Basic ${Buffer.from(pair, 'latin1').toString('base64')}`);
  };
}

function formEncode(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1);
}

/**
 * RFC 7523 section 3. The audience is the issuer identifier alone, not the token endpoint: an assertion for one issuer
 * must be of no use at another (draft-ietf-oauth-rfc7523bis, audience injection).
 */
function signedAssertion(
  client: Extract<ClientOptions, { auth: 'private_key_jwt' }>,
  { clock, report }: ClientAuthPorts,
): ClientAuth {
  const signing = readSigningKey(client, report);
  if (signing === undefined) return () => {}; // reported: the configuration does not load

  const shape: ModifyAssertionFunction = (header, payload) => {
    header['alg'] = signing.alg;
    const now = Math.floor(clock.now() / 1000);
    payload['iat'] = now;
    payload['nbf'] = undefined;
    if (signing.thumbprint !== undefined) {
      header['x5t#S256'] = signing.thumbprint;
      payload['nbf'] = now; // where keys are found by certificate (Entra), it is expected
    }
    payload['exp'] = now + assertionLifetime;
    if (client.assertion_audience !== undefined) payload['aud'] = client.assertion_audience;
  };
  const key = signing.kid === undefined ? { key: signing.key } : { key: signing.key, kid: signing.kid };
  return PrivateKeyJwt(key, { [modifyAssertion]: shape });
}

/** RFC 7523 section 2.2 with a token of the platform. Read every time: projected tokens rotate at 80 % of their life. */
function federatedAssertion(client: Extract<ClientOptions, { auth: 'federated_assertion' }>): ClientAuth {
  return async (_as, _client, body) => {
    const assertion = await readSecretFile(client.assertion_file);
    if (client.id !== undefined) body.set('client_id', client.id);
    body.set('client_assertion_type', assertionType + client.assertion_type);
    body.set('client_assertion', assertion.reveal());
  };
}

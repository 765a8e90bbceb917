// Client authentication by certificate, on the connection instead of in the message (RFC 8705): messages go out with the
// certificate, and to the endpoints the issuer has for that. Must never send one where no handshake would show it.

import type { ClientCertificate } from '../base/certificate.ts';
import { Refusal } from '../base/errors.ts';
import { type Send, SendFailure } from '../base/ports.ts';
import type { IssuerMetadata } from './metadata.ts';
import { defaultRetryAfter } from './token-error.ts';

/** Every message with this certificate; none over plain http, which would be one that proves nothing. */
export function showing(send: Send, certificate: ClientCertificate | undefined): Send {
  if (certificate === undefined) return send;
  return async (message) => {
    if (URL.parse(message.url)?.protocol !== 'https:') {
      const detail = 'the issuer is asked over plain http, where no client certificate is shown';
      throw new Refusal('exchange_misconfigured', { detail, retryAfter: 1 });
    }
    return send({ ...message, identity: certificate }).catch(explain);
  };
}

/** In TLS 1.3 a server that does not take the certificate hangs up after the handshake, often without a word. */
function explain(failure: unknown): never {
  if (!(failure instanceof SendFailure) || failure.kind !== 'unreachable') throw failure;
  const detail = 'the issuer hangs up or is not there; it may not take the client certificate';
  throw new Refusal('issuer_unreachable', { detail, retryAfter: defaultRetryAfter, cause: failure });
}

/** RFC 8705 section 5: a client that uses mutual TLS prefers the aliases, where its issuer has some. */
export function locateForTls(
  locate: () => Promise<IssuerMetadata>,
  certificate: ClientCertificate | undefined,
): () => Promise<IssuerMetadata> {
  if (certificate === undefined) return locate;
  return async () => {
    const { mtlsAliases, ...metadata } = await locate();
    return {
      ...metadata,
      tokenEndpoint: mtlsAliases?.tokenEndpoint ?? metadata.tokenEndpoint,
      introspectionEndpoint: mtlsAliases?.introspectionEndpoint ?? metadata.introspectionEndpoint,
    };
  };
}

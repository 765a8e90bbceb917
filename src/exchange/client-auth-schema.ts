// Configuration of client authentication (RFC 6749 section 2.3, RFC 7523, RFC 9700): one shape per method.
// An option of another method is a mistake, not a hint: a secret that is written but not used would stay unnoticed.

import * as z from 'zod';
import { configPath } from '../base/config-path.ts';
import { secretValue } from '../base/scalars.ts';
import { workloadShape } from '../base/spiffe/scalars.ts';

const clientId = z
  .string()
  .regex(/^[\x20-\x7e]{1,512}$/, 'is not a client identifier (printable ASCII)')
  .describe('Client identifier of this gate at the issuer.');

/** JWS algorithms an assertion may be signed with: asymmetric only. */
const algorithms = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;

const printable = z.string().regex(/^[\x21-\x7e]{1,1024}$/, 'must be printable ASCII without spaces');

const certificateShape = {
  certificate_file: configPath.describe(
    'PEM file with the client certificate and its intermediates; read again as it changes.',
  ),
  key_file: configPath.describe('PEM file with its private key, unencrypted; read again as it changes.'),
};

export const clientSchema = z.discriminatedUnion('auth', [
  z.strictObject({
    auth: z
      .literal('none')
      .describe('Send only the client identifier: a stolen subject token could be exchanged by anyone.'),
    id: clientId,
  }),
  z.strictObject({
    auth: z
      .literal('client_secret_basic')
      .describe('Client secret in the Authorization header (RFC 6749 section 2.3.1).'),
    id: clientId,
    secret: secretValue.describe('Client secret.'),
  }),
  z.strictObject({
    auth: z
      .literal('client_secret_post')
      .describe('Client secret in the request body, for issuers without the header form.'),
    id: clientId,
    secret: secretValue.describe('Client secret.'),
  }),
  z.strictObject({
    auth: z
      .literal('private_key_jwt')
      .describe('A short-lived assertion signed with the private key of this gate (RFC 7523).'),
    id: clientId,
    key: secretValue.describe('Private key: PKCS#8 PEM or JWK.'),
    alg: z.enum(algorithms).optional().describe('Signature algorithm; by default the one that belongs to the key.'),
    kid: printable.optional().describe('Key identifier put in the assertion; by default the `kid` of a JWK.'),
    certificate: z
      .string()
      .regex(/^-----BEGIN CERTIFICATE-----/, 'is not a certificate in PEM; write `${file:certificate.pem}`')
      .max(16_384)
      .optional()
      .describe(
        'Certificate of the key (PEM), for issuers that find keys by certificate, such as Microsoft Entra: the assertion names it by its SHA-256 thumbprint (`x5t#S256`), and RSA keys sign PS256.',
      ),
    assertion_audience: printable
      .optional()
      .describe('Audience of the assertion, where the issuer wants another one than its issuer identifier.'),
  }),
  z.strictObject({
    auth: z
      .literal('federated_assertion')
      .describe('A token of the platform as assertion, such as a Kubernetes or SPIFFE token.'),
    id: clientId.optional(),
    assertion_file: configPath.describe('File that holds the assertion; read again for every exchange.'),
    assertion_type: z
      .enum(['jwt-bearer', 'jwt-spiffe'])
      .default('jwt-bearer')
      .describe('`jwt-spiffe` for a JWT-SVID at an issuer that knows SPIFFE client authentication.'),
  }),
  z.strictObject({
    auth: z
      .literal('spiffe_jwt')
      .describe(
        'A JWT-SVID of the SPIFFE Workload API as assertion, with the issuer as its only audience (draft-ietf-oauth-spiffe-client-auth).',
      ),
    id: clientId.optional(),
    ...workloadShape,
  }),
  z.strictObject({
    auth: z
      .literal('spiffe_x509')
      .describe('Mutual TLS with an X.509-SVID of the SPIFFE Workload API (draft-ietf-oauth-spiffe-client-auth).'),
    id: clientId.optional().describe('Client identifier of this gate at the issuer; by default its SPIFFE ID.'),
    ...workloadShape,
  }),
  z.strictObject({
    auth: z
      .literal('tls_client_auth')
      .describe('Mutual TLS with a certificate of an authority the issuer trusts (RFC 8705 section 2.1).'),
    id: clientId,
    ...certificateShape,
  }),
  z.strictObject({
    auth: z
      .literal('self_signed_tls_client_auth')
      .describe('Mutual TLS with a certificate that is registered at the issuer (RFC 8705 section 2.2).'),
    id: clientId,
    ...certificateShape,
  }),
]);

export type ClientOptions = z.output<typeof clientSchema>;

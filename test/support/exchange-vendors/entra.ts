// Entra's v2.0 token endpoint: client credentials with a federated assertion, and On-Behalf-Of. Errors with AADSTS numbers, as
// learn.microsoft.com and the issues quoted below have them: azure-workload-identity#1200 (700213), MSAL.NET#2130 (7000114),
// MSAL.js#5491 (50076 with claims).

import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose';
import type { Clock } from '../../../src/base/ports.ts';
import { createIssuedTokens, type IssuedTokens } from './issued-tokens.ts';
import {
  member,
  startVendorServer,
  type VendorAnswer,
  type VendorRequest,
  type VendorServer,
} from './vendor-server.ts';
import { createVerifier, type Trust } from './verifier.ts';

export interface EntraVendor extends VendorServer {
  readonly tokens: IssuedTokens;
  /** From now on a user must satisfy this claims request; `undefined` for none. */
  demand(claims: string | undefined): void;
}

export const entraTenant = '72f988bf-0000-4000-8000-0000000000ee';
export const entraClient = { id: '5d8a0c1e-0000-4000-8000-0000000000c1', secret: 'entra~secret.of+the-app' };
const pem = (name: string) => readFileSync(join(import.meta.dirname, `entra-${name}.pem`), 'utf8');

/** A self-signed certificate that is registered for the application, and its key; made for these tests. */
export const entraKey = { key: pem('key'), certificate: pem('certificate') };

export const entraAudience = 'api://AzureADTokenExchange';

const bearerType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

export async function startEntraVendor(options: {
  clock: Clock;
  /** Of federated identity credentials. */
  trust: Trust;
  /** Of users' tokens for the middle tier; their audience is the client. */
  users: Omit<Trust, 'audience'>;
}): Promise<EntraVendor> {
  const { clock, trust, users } = options;
  const verifyAssertion = createVerifier({ clock, trust });
  const verifyUser = createVerifier({ clock, trust: { ...users, audience: entraClient.id } });
  const tokens = createIssuedTokens(clock);
  let demanded: string | undefined;

  async function exchange(request: VendorRequest): Promise<VendorAnswer> {
    if (request.path !== `/${entraTenant}/oauth2/v2.0/token`)
      return problem(400, 'invalid_request', 90002, 'Tenant not found.');
    if (request.encoding !== 'form')
      return problem(400, 'invalid_request', 900144, 'The request body must contain a form.');
    if (member(request, 'resource') !== undefined) {
      return problem(400, 'invalid_request', 901002, "The 'resource' request parameter is not supported.");
    }
    const client = await clientOf(request);
    if (typeof client !== 'string') return client;
    if (member(request, 'scope') === undefined) {
      return problem(400, 'invalid_request', 90014, "The required field 'scope' is missing.");
    }
    switch (member(request, 'grant_type')) {
      case 'client_credentials':
        return issued({ sub: client, idtyp: 'app' }, member(request, 'scope') ?? '');
      case 'urn:ietf:params:oauth:grant-type:jwt-bearer':
        return onBehalfOf(request);
      default:
        return problem(400, 'unsupported_grant_type', 70003, 'The app requested an unsupported grant type.');
    }
  }

  async function clientOf(request: VendorRequest): Promise<string | VendorAnswer> {
    const id = member(request, 'client_id') ?? '';
    if (id !== entraClient.id) return problem(400, 'unauthorized_client', 700016, 'Application was not found.');
    const assertion = member(request, 'client_assertion');
    if (assertion === undefined) {
      if (member(request, 'client_secret') === entraClient.secret) return id;
      return problem(401, 'invalid_client', 7000215, 'Invalid client secret provided.');
    }
    if (member(request, 'client_assertion_type') !== bearerType) {
      return problem(400, 'invalid_request', 900144, 'client_assertion_type is missing.');
    }
    if ('x5t#S256' in decodeProtectedHeader(assertion)) return byCertificate(assertion, request);
    const verdict = await verifyAssertion(assertion);
    if (verdict.failure === undefined) return id;
    const text = 'No matching federated identity record found for presented assertion.';
    return problem(401, 'invalid_client', 700213, text);
  }

  /** learn.microsoft.com, "Microsoft identity platform application authentication certificate credentials". */
  async function byCertificate(assertion: string, request: VendorRequest): Promise<string | VendorAnswer> {
    const certificate = new X509Certificate(entraKey.certificate);
    const thumbprint = createHash('sha256').update(certificate.raw).digest('base64url');
    if (decodeProtectedHeader(assertion)['x5t#S256'] !== thumbprint)
      return problem(401, 'invalid_client', 700027, 'The certificate with identifier used to sign is not registered.');
    const verified = await jwtVerify(assertion, certificate.publicKey, {
      algorithms: ['PS256'],
      audience: `${server.url}${request.path}`,
      issuer: entraClient.id,
      subject: entraClient.id,
      requiredClaims: ['jti', 'nbf', 'exp'],
      currentDate: new Date(clock.now()),
    }).catch(() => undefined);
    if (verified !== undefined) return entraClient.id;
    return problem(401, 'invalid_client', 700027, 'The assertion failed signature validation.');
  }

  async function onBehalfOf(request: VendorRequest): Promise<VendorAnswer> {
    if (member(request, 'requested_token_use') !== 'on_behalf_of') {
      return problem(400, 'invalid_request', 900144, "'requested_token_use' is missing.");
    }
    const assertion = member(request, 'assertion') ?? '';
    const verdict = await verifyUser(assertion);
    if (verdict.failure === 'expired') {
      return problem(400, 'invalid_grant', 500133, 'Assertion is not within its valid time range.');
    }
    if (verdict.failure !== undefined)
      return problem(400, 'invalid_grant', 50013, 'Assertion failed signature validation.');
    if (decodeJwt(assertion)['idtyp'] === 'app') {
      return problem(
        400,
        'unauthorized_client',
        7000114,
        'Application is not allowed to make application on-behalf-of calls.',
      );
    }
    if (demanded !== undefined) {
      const more = { suberror: 'basic_action', claims: demanded };
      return problem(400, 'invalid_grant', 50076, 'You must use multi-factor authentication.', more);
    }
    return issued(verdict.claims, member(request, 'scope') ?? '');
  }

  function issued(claims: Parameters<IssuedTokens['issue']>[1], scope: string): VendorAnswer {
    const access_token = tokens.issue('entra-at-', claims, 4_000);
    return {
      status: 200,
      body: { token_type: 'Bearer', expires_in: 4_000, ext_expires_in: 4_000, access_token, scope },
    };
  }

  const server = await startVendorServer(exchange);
  return {
    ...server,
    tokens,
    demand(claims) {
      demanded = claims;
    },
  };
}

function problem(
  status: number,
  error: string,
  number: number,
  text: string,
  more: Record<string, unknown> = {},
): VendorAnswer {
  const trace_id = '0f1e2d3c-0000-4000-8000-000000000abc';
  const description = `AADSTS${number}: ${text} Trace ID: ${trace_id} Timestamp: 2026-11-21 12:00:00Z`;
  const error_uri = `https://login.microsoftonline.com/error?code=${number}`;
  return {
    status,
    body: { error, error_description: description, error_codes: [number], trace_id, error_uri, ...more },
  };
}

// The vendors' token endpoints, each of which verifies what it is shown as the real one does, and says afterwards whether a
// credential is one that it gave. The same emulators that the tests of the grants run against.

import { createRemoteJWKSet, jwtVerify } from 'jose';
import type { Clock } from '../../src/base/ports.ts';
import { createProofCheck } from '../../test/support/dpop-proofs.ts';
import { startAnthropicVendor } from '../../test/support/exchange-vendors/anthropic.ts';
import { startAuthorizationServer } from '../../test/support/exchange-vendors/authorization-server.ts';
import { startStsVendor } from '../../test/support/exchange-vendors/aws-sts.ts';
import { startDatabricksVendor } from '../../test/support/exchange-vendors/databricks.ts';
import { entraAudience, startEntraVendor } from '../../test/support/exchange-vendors/entra.ts';
import { googleProvider, startGoogleVendor } from '../../test/support/exchange-vendors/google.ts';
import { startHuggingFaceVendor } from '../../test/support/exchange-vendors/huggingface.ts';
import type { IssuedTokens } from '../../test/support/exchange-vendors/issued-tokens.ts';
import { startOpenAiVendor } from '../../test/support/exchange-vendors/openai.ts';
import { startOpenRouterVendor } from '../../test/support/exchange-vendors/openrouter.ts';
import type { VendorServer } from '../../test/support/exchange-vendors/vendor-server.ts';
import type { RecordingIssuer } from '../recording-issuer.ts';
import type { Knows } from './api.ts';

/** What the issuer is registered under in IAM. */
const awsAudience = 'sts.amazonaws.com';

/** What the organisation's issuer gives tokens for: each vendor has an audience of its own. */
export const audiences = [
  { id: 'https://api.openai.com/v1' },
  { id: 'https://api.anthropic.com' },
  { id: 'https://openrouter.ai/api/v1' },
  { id: 'https://huggingface.co' },
  { id: 'databricks-acme' },
  { id: `https:${googleProvider}` },
  { id: entraAudience },
  // STS takes session tags from claims of the token alone.
  { id: awsAudience, aws_session_tags: true },
  { id: 'mcp-tools', scopes: ['tools.call'] },
  { id: 'tickets', scopes: ['tickets.read'] },
  { id: 'orders', scopes: ['orders.read'] },
];

/** Seconds that the partner's tokens live: less than the ID-JAG they are given for, or the gate would refuse them. */
export const partnerTtl = 240;

export type Logins = Awaited<ReturnType<typeof startLogins>>;

export async function startLogins(clock: Clock, { issuer, jwksUri }: RecordingIssuer) {
  const users = { issuer, jwksUri };
  const trusting = (audience: string) => ({ clock, trust: { ...users, audience } });
  const [openai, anthropic, openrouter, huggingface, databricks, google, entra, aws, partner] = await Promise.all([
    startOpenAiVendor(trusting('https://api.openai.com/v1')),
    startAnthropicVendor(trusting('https://api.anthropic.com')),
    startOpenRouterVendor(trusting('https://openrouter.ai/api/v1')),
    startHuggingFaceVendor(trusting('https://huggingface.co')),
    startDatabricksVendor(trusting('databricks-acme')),
    startGoogleVendor(trusting(`https:${googleProvider}`)),
    startEntraVendor({ ...trusting(entraAudience), users }),
    startStsVendor(trusting(awsAudience)),
    startAuthorizationServer({ clock, trust: users, idJagOnly: true, lifetime: partnerTtl }),
  ]);
  return { openai, anthropic, openrouter, huggingface, databricks, google, entra, aws, partner };
}

export function serversOf(logins: Logins): readonly VendorServer[] {
  return Object.values(logins);
}

/** A token that the vendor gave, and that has not ended. */
export function issuedBy(tokens: IssuedTokens): Knows {
  return ({ headers: { authorization } }) => tokens.of(authorization);
}

/** A JWT for this audience, as a resource server verifies it (RFC 9068 section 4). */
export function signedBy(clock: Clock, issuer: string, jwksUri: string, audience: string): Knows {
  const keys = createRemoteJWKSet(new URL(jwksUri));
  return async ({ headers: { authorization = '' } }) => {
    const options = { issuer, audience, typ: 'at+jwt', currentDate: new Date(clock.now()) };
    const verified = await jwtVerify(authorization.replace(/^(?:Bearer|DPoP) /, ''), keys, options).catch(
      () => undefined,
    );
    return verified && { claims: verified.payload, expiresAt: verified.payload.exp };
  };
}

/** The same for a token that is bound to a key: each request proves the key anew (RFC 9449 sections 4.3 and 7.1). */
export function boundBy(clock: Clock, knows: Knows): Knows {
  const checkProof = createProofCheck(clock);
  return async (request) => {
    const { method, target, headers } = request;
    const { authorization = '', host = '', dpop } = headers;
    if (!authorization.startsWith('DPoP ') || typeof dpop !== 'string') return undefined;
    const expected = { method, url: `http://${host}${target.split('?', 1)[0]}`, token: authorization.slice(5) };
    const [genuine, jkt] = await Promise.all([knows(request), checkProof(dpop, expected).catch(() => undefined)]);
    return jkt !== undefined && Object(genuine?.claims?.['cnf']).jkt === jkt ? genuine : undefined;
  };
}

/** The one key there is. */
export function keyIn(header: string, key: string): Knows {
  return ({ headers }) => (headers[header] === key ? { claims: undefined, expiresAt: undefined } : undefined);
}

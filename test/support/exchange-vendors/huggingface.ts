// Hugging Face's token endpoint: POST /oauth/token, JSON. As huggingface_hub (_oidc.py) sends it and hub-docs#2757 and the
// trusted publishers page tell the answers: everything wrong with the token is 400 invalid_grant.

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

export interface HuggingFaceVendor extends VendorServer {
  readonly tokens: IssuedTokens;
  readonly tokenEndpoint: string;
}

export const huggingfaceResource = 'acme-ci';

const hour = 3_600;

export async function startHuggingFaceVendor(options: { clock: Clock; trust: Trust }): Promise<HuggingFaceVendor> {
  const { clock, trust } = options;
  const verify = createVerifier({ clock, trust });
  const tokens = createIssuedTokens(clock);

  async function exchange(request: VendorRequest): Promise<VendorAnswer> {
    if (request.encoding !== 'json') return problem('invalid_request', 'Expected JSON');
    if (member(request, 'grant_type') !== 'urn:ietf:params:oauth:grant-type:token-exchange') {
      return problem('unsupported_grant_type', 'Unsupported grant type');
    }
    for (const name of ['subject_token', 'subject_token_type', 'resource']) {
      if (member(request, name) === undefined) return problem('invalid_request', `${name} is required`);
    }
    const isIdToken = member(request, 'subject_token_type') === 'urn:ietf:params:oauth:token-type:id_token';
    const verdict = await verify(member(request, 'subject_token') ?? '');
    if (!isIdToken || verdict.failure !== undefined || member(request, 'resource') !== huggingfaceResource) {
      return problem('invalid_grant', 'No trusted publisher matches this token');
    }
    const access_token = tokens.issue('hf_jwt_', verdict.claims, hour);
    return { status: 200, body: { access_token, token_type: 'bearer', expires_in: hour, scope: 'inference-api' } };
  }

  const server = await startVendorServer(exchange);
  return { ...server, tokens, tokenEndpoint: `${server.url}/oauth/token` };
}

function problem(error: string, error_description: string): VendorAnswer {
  return { status: 400, body: { error, error_description } };
}

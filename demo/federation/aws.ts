// Whether Bedrock would take a request: a signature that an implementation of its own recomputes, or a Bedrock API key (which is a
// presigned URL), by a role session that STS opened, and within what that session's policy leaves of the role.

import type { Clock } from '../../src/base/ports.ts';
import { type AwsAccount, awsRegion, mayDo } from '../../test/support/exchange-vendors/aws-account.ts';
import {
  type SigV4Check,
  type SigV4Verdict,
  verifyPresigned,
  verifySigV4,
} from '../../test/support/exchange-vendors/aws-sigv4.ts';
import type { ApiRequest, Knows } from './api.ts';

/** What every call here does. */
const action = 'bedrock:InvokeModel';

export function sessionOf(clock: Clock, account: AwsAccount): Knows {
  return (request) => {
    const check: SigV4Check = {
      service: 'bedrock',
      region: awsRegion,
      now: clock.now(),
      signerOf: (id) => account.sessions.get(id),
    };
    const verdict = verdictOn(request, check);
    const session = verdict.failure === undefined ? account.sessions.get(verdict.accessKeyId) : undefined;
    const [, model = ''] = /^\/model\/([^/]+)\//.exec(request.target) ?? [];
    const arn = `arn:aws:bedrock:${awsRegion}::foundation-model/${decodeURIComponent(model)}`;
    if (session === undefined || !mayDo(session.policy, action, arn)) return undefined;
    return { claims: session.claims, expiresAt: Math.floor(session.endsAt / 1_000) };
  };
}

function verdictOn({ method, target, rawHeaders, bytes, headers }: ApiRequest, check: SigV4Check): SigV4Verdict {
  const key = /^Bearer bedrock-api-key-([A-Za-z0-9+/=]+)$/.exec(headers.authorization ?? '')?.[1];
  if (key === undefined) return verifySigV4({ method, path: target, rawHeaders, body: bytes }, check);
  return verifyPresigned(`https://${Buffer.from(key, 'base64').toString('utf8')}`, 'POST', check);
}

// A service account's token for a federated one: generateAccessToken of the IAM Service Account Credentials API.
// POST .../v1/projects/-/serviceAccounts/{email}:generateAccessToken, JSON {scope, lifetime, delegates}, bearer the federated
// token; answer {accessToken, expireTime}; errors are google.rpc.Status (google-auth-library 10.9.1, baseexternalclient.js,
// getImpersonatedAccessToken; docs.cloud.google.com, projects.serviceAccounts.generateAccessToken).

import * as z from 'zod';
import { Refusal } from '../base/errors.ts';
import type { SendResponse } from '../base/ports.ts';
import { Secret } from '../base/secret.ts';
import type { Grant, GrantPorts, Hop, Input, Issued } from './grant.ts';
import { reportUnprotected } from './issuer-schema.ts';
import { parseJson } from './json.ts';
import { ask } from './message.ts';
import { refuseUnsent } from './token-endpoint.ts';
import { defaultRetryAfter, type ReasonOfCode, refusalOf } from './token-error.ts';

export const cloudPlatform = 'https://www.googleapis.com/auth/cloud-platform';

/** Longest life of a service account's token, in ms (constraints/iam.allowServiceAccountCredentialLifetimeExtension). */
export const longestLifetime = 43_200_000;

export interface ImpersonationOptions {
  readonly service_account: string;
  readonly delegates: readonly string[];
  /** Ms. */
  readonly lifetime: number;
  readonly iam_endpoint: string;
  readonly timeout: number;
}

const answerShape = z.object({
  accessToken: z
    .string()
    .max(16 * 1024)
    .regex(/^[\x21-\x7e]+$/), // what could end the header line it is placed on is no token
  expireTime: z.iso.datetime({ offset: true }),
});

const reasons: ReasonOfCode = new Map([
  ['PERMISSION_DENIED', 'exchange_denied'],
  ['UNAUTHENTICATED', 'subject_token_rejected'],
  ['INVALID_ARGUMENT', 'exchange_misconfigured'],
  ['NOT_FOUND', 'exchange_misconfigured'],
]);

export function createImpersonation(options: ImpersonationOptions, { send, clock, report }: GrantPorts): Grant {
  const { service_account, delegates, lifetime, timeout } = options;
  const base = options.iam_endpoint.replace(/\/$/, '');
  reportUnprotected(base, 'iam_endpoint', report);
  const endpoint = `${base}/v1/projects/-/serviceAccounts/${service_account}:generateAccessToken`;
  const seconds = `${Math.floor(lifetime / 1_000)}s`;
  const through = delegates.map((email) => `projects/-/serviceAccounts/${email}`);
  const scopesOf = ({ scopes }: Hop) => (scopes.length === 0 ? [cloudPlatform] : scopes);

  function read(answer: SendResponse): Issued {
    const { data } = answerShape.safeParse(parseJson(answer));
    if (data === undefined) {
      const detail = 'generateAccessToken: the answer has no token, or no end';
      throw new Refusal('issuer_answer_malformed', { detail, retryAfter: defaultRetryAfter });
    }
    return {
      token: new Secret(data.accessToken),
      issuedTokenType: undefined,
      isAccessToken: true,
      expiresIn: (Date.parse(data.expireTime) - clock.now()) / 1_000,
      scopes: undefined,
    };
  }

  return {
    type: 'google_impersonation',
    kind: 'exchanged',
    issuer: base,
    endpoint,
    clientId: undefined,
    verifies: false,
    audience: service_account,
    bearerOnly: true,
    plan: (hop): readonly Input[] => [
      ['bearer', hop.subject.token],
      ...scopesOf(hop).map((scope): Input => ['scope', scope]),
      ['lifetime', seconds],
      ...through.map((delegate): Input => ['delegates', delegate]),
    ],
    async obtain(hop, { traceparent }) {
      const body = { scope: scopesOf(hop), lifetime: seconds, ...(through.length > 0 && { delegates: through }) };
      const request = { url: endpoint, method: 'POST', bearer: hop.subject.token, body, traceparent } as const;
      const { response, redact } = await ask(send, { ...request, timeoutMs: timeout }).catch((failure: unknown) =>
        refuseUnsent(failure, 'generateAccessToken'),
      );
      if (response.status === 200) return read(response);
      throw refusalOf(response, { hasSubject: hop.subject.origin === 'call', redact, reasons });
    },
    prepare: async () => {},
  };
}

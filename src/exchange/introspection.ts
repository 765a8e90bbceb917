// RFC 7662: asks the issuer what an opaque token of its own says, so that it can be verified like a readable one. The answer
// is the issuer's word and taken as strictly as a JWT's claims: who, for whom, through whom, with which scope, until when.
// Keycloak leaves `act` out of this answer although the token has it (keycloak#53029): then a strict exchange is refused for
// a missing actor, and JWTs are the way. A token that is not active is none, whatever else is said of it (section 2.2).

import type { ClientAuth } from 'oauth4webapi';
import * as z from 'zod';
import { Refusal } from '../base/errors.ts';
import type { Send } from '../base/ports.ts';
import type { Secret } from '../base/secret.ts';
import type { Issued, Occasion, TokenClaims } from './grant.ts';
import { parseJson } from './json.ts';
import { draftOf, post } from './message.ts';
import { refuseUnsent } from './token-endpoint.ts';
import { defaultRetryAfter, refusalOf } from './token-error.ts';

export interface IntrospectionOptions {
  readonly locate: () => Promise<{ readonly issuer: string; readonly endpoint: string }>;
  readonly clientId: string | undefined;
  readonly authenticate: ClientAuth;
  readonly clientSecret: Secret | undefined;
  readonly send: Send;
  readonly timeoutMs: number;
}

const audience = z.union([z.string(), z.array(z.string()).max(64)]);

/** Section 2.2; members that are of another type than they must be make the answer no answer. */
const introspectionAnswer = z.looseObject({
  active: z.boolean(),
  iss: z.string().optional(),
  sub: z.string().optional(),
  aud: audience.optional(),
  scope: z.string().max(8_192).optional(),
  exp: z.number().optional(),
  jti: z.string().optional(),
});

/** @throws Refusal `issued_token_inactive`, or an `issuer_` reason when no answer can be had */
export type Introspect = (issued: Issued, occasion: Occasion) => Promise<TokenClaims>;

export function createIntrospection(options: IntrospectionOptions): Introspect {
  const { locate, clientId, authenticate, clientSecret, send, timeoutMs } = options;

  return async function introspect({ token }, { traceparent }) {
    const { issuer, endpoint } = await locate();
    const hint = ['token_type_hint', 'access_token'] as const;
    const draft = draftOf([['token', token], hint], {}, traceparent);
    await authenticate({ issuer }, { client_id: clientId ?? '' }, draft.parameters, draft.headers);
    const { response, redact } = await post(send, {
      url: endpoint,
      encoding: 'form',
      draft,
      secrets: clientSecret === undefined ? [token] : [token, clientSecret],
      timeoutMs,
    }).catch((failure: unknown) => refuseUnsent(failure, 'introspection'));
    if (response.status !== 200) throw refusalOf(response, { hasSubject: false, redact });

    const { data } = introspectionAnswer.safeParse(parseJson(response));
    if (data === undefined) throw malformed();
    if (!data.active) throw new Refusal('issued_token_inactive', { detail: 'the issuer says it is not active' });
    return data;
  };
}

function malformed(): Refusal {
  const detail = 'introspection: the answer is not JSON of RFC 7662';
  return new Refusal('issuer_answer_malformed', { detail, retryAfter: defaultRetryAfter });
}

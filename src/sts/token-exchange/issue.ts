// Signs the token that an exchange was decided to give, and shapes the answer (RFC 8693 section 2.2.1).
// Takes only a grant that was checked. Must never add authority: every claim comes from the grant or is fresh.

import { delegationRoot } from '../../base/delegation-root.ts';
import type { JsonObject } from '../../principal.ts';
import type { StsClient } from '../clients.ts';
import type { Binding } from '../dpop.ts';
import type { Tokens } from '../tokens.ts';
import type { ExchangeGrant } from './check.ts';

export interface ExchangeAnswer {
  readonly access_token: string;
  readonly issued_token_type: string;
  readonly token_type: Binding['tokenType'];
  readonly expires_in: number;
  readonly scope?: string;
}

export async function issueExchanged(
  tokens: Tokens,
  client: StsClient,
  grant: ExchangeGrant & { readonly tags: JsonObject },
  issuedTokenType: string,
  bound: Binding,
): Promise<ExchangeAnswer> {
  const { subject, audience, scopes, act, exp, tags } = grant;
  const iat = tokens.now();
  const scope = scopes?.join(' ');
  const token = await tokens.sign({
    sub: subject.sub,
    aud: audience,
    client_id: client.id,
    iat,
    exp,
    // One delegation keeps one id across all its hops, so that their records can be joined.
    txn: subject.txn ?? delegationRoot(subject.iss, subject.jti),
    ...(scope === undefined ? {} : { scope }),
    ...(act === undefined ? {} : { act }),
    ...tags,
    ...(subject.subProfile === undefined ? {} : { sub_profile: subject.subProfile }),
    // The new token is the presenter's: a binding of the subject token to another key does not go on.
    ...bound.claims,
  });
  return {
    access_token: token,
    issued_token_type: issuedTokenType,
    token_type: bound.tokenType,
    expires_in: exp - iat,
    // RFC 6749 section 3.3: the parameter, unlike the claim, cannot be empty.
    ...(scope === undefined || scope === '' ? {} : { scope }),
  };
}

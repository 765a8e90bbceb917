// The organisation's issuer, which also gives ID-JAGs, as identity providers with Cross App Access do
// (draft-ietf-oauth-identity-assertion-authz-grant).

import { decodeJwt } from 'jose';
import type { Clock, Log } from '../../src/base/ports.ts';
import type { Mint } from '../../src/sts/mint.ts';
import { type Claims, type RecordingIssuer, startRecordingIssuer } from '../recording-issuer.ts';

/** Seconds that tokens live here; whatever is made from a user's token ends with it at the latest. */
export const tokenTtl = 300;

/** What the gate is known as at the partner's authorization server. */
const clientAtPartner = 'postern-at-b';

const idJagType = 'urn:ietf:params:oauth:token-type:id-jag';
const jwtType = 'urn:ietf:params:oauth:token-type:jwt';

/** Where an ID-JAG begins its life: as a token for nobody else, addressed anew before it leaves. */
const idJagAudience = 'id-jag';

export interface IssuerOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** That tokens may be exchanged for. */
  readonly audiences: readonly object[];
}

export function startIssuer({ clock, log, audiences }: IssuerOptions): Promise<RecordingIssuer> {
  return startRecordingIssuer({
    ...{ clock, log, tokenTtl: `${tokenTtl}s` },
    audiences: [...audiences, { id: idJagAudience, scopes: ['tools.call'] }],
    asks: (form) => (isIdJag(form) ? asToken(form) : form),
    async changes(token, form, mint) {
      if (!isIdJag(form)) return {};
      return { access_token: await idJagOf(token, form, mint), issued_token_type: idJagType, token_type: 'N_A' };
    },
  });
}

function isIdJag(form: URLSearchParams): boolean {
  return form.get('requested_token_type') === idJagType;
}

/** The same question for a plain token: who may act for whom is decided in one place. */
function asToken(form: URLSearchParams): URLSearchParams {
  const plain = new URLSearchParams(form);
  plain.delete('resource');
  plain.set('audience', idJagAudience);
  plain.set('requested_token_type', jwtType);
  return plain;
}

/** Section 4.1 of the draft: typ, the one authorization server as audience, the client that will redeem it, the resource. */
async function idJagOf(token: string, form: URLSearchParams, mint: Mint): Promise<string> {
  const issued = decodeJwt<Claims>(token);
  const [aud, resource] = [form.get('audience'), form.get('resource')];
  return mint({
    sub: String(issued.sub),
    claims: { ...issued, aud, resource, client_id: clientAtPartner },
    typ: 'oauth-id-jag+jwt',
  });
}

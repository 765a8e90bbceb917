// Mints any token of this issuer, for tests, the demo and `postern token`: a user's token without a login, a workload's
// without its secret, an expired or odd one to see it refused. In process only; the HTTP way to it is mint-endpoint.ts.

import type { JsonObject } from '../principal.ts';
import { type Tokens, workloadProfile } from './tokens.ts';

export interface MintOptions {
  readonly sub: string;
  /** `aud`; `postern` when absent. */
  readonly audience?: string | readonly string[] | undefined;
  /** `scope`; no scope claim when absent. */
  readonly scope?: string | readonly string[] | undefined;
  readonly mayAct?: JsonObject | undefined;
  readonly act?: JsonObject | undefined;
  /** Seconds until it expires; the issuer's token_ttl when absent. Negative for one that has expired. */
  readonly ttl?: number | undefined;
  /** `client_id`; `postern-mint` when absent. */
  readonly clientId?: string | undefined;
  /** Further claims; they replace those of the same name. */
  readonly claims?: JsonObject | undefined;
  /** `typ` header; `at+jwt` when absent. */
  readonly typ?: string | undefined;
  /** Sets `sub_profile` (`user` or `ai_agent`), by which a trust rule can tell users from workloads. Default: user. */
  readonly kind?: 'user' | 'workload' | undefined;
}

export type Mint = (options: MintOptions) => Promise<string>;

/** @param defaultTtl seconds. */
export function createMint(tokens: Tokens, defaultTtl: number): Mint {
  return function mint(options) {
    const iat = tokens.now();
    const { scope } = options;
    return tokens.sign(
      {
        sub: options.sub,
        aud: options.audience ?? 'postern',
        client_id: options.clientId ?? 'postern-mint',
        iat,
        exp: iat + (options.ttl ?? defaultTtl),
        sub_profile: options.kind === 'workload' ? workloadProfile : 'user',
        ...(scope === undefined ? {} : { scope: typeof scope === 'string' ? scope : scope.join(' ') }),
        ...(options.mayAct === undefined ? {} : { may_act: options.mayAct }),
        ...(options.act === undefined ? {} : { act: options.act }),
        ...options.claims,
      },
      options.typ,
    );
  };
}

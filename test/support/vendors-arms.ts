// How a route in front of a vendor gets its credential, and how the vendor's API would know it again: by what its token
// endpoint issued, by the standing key, or by the signature of the organisation's issuer. Each takes a genuine one for genuine.

import { writeFileSync } from 'node:fs';
import type { IncomingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose';
import type { Test } from 'tap';
import type { MintOptions } from '../../src/sts/mint.ts';
import type { Document, Places } from './e2e-world.ts';
import type { VendorKind } from './exchange-federation.ts';
import { entraClient } from './exchange-vendors/entra.ts';
import type { IssuedTokens } from './exchange-vendors/issued-tokens.ts';
import type { VendorServer } from './exchange-vendors/vendor-server.ts';
import type { MovableClock } from './sts-issuer.ts';

/** What the credential of a request stands for: whose it is, where that can be known at all. */
export interface Genuine {
  /** Claims of the JWT that the vendor gave its token for; of the token itself, where it is a JWT. */
  readonly claims: JWTPayload | undefined;
}

export interface Arm {
  /** Exchanges beside `corp`, and which of them the route names. */
  readonly exchanges: Document;
  readonly exchange: string;
  readonly route: Document;
  /** What the credential is, by kind, in the audit record. */
  readonly kind: 'exchanged' | 'static' | 'none';
  readonly grant: string | undefined;
  /** Who the credential was given for, as far as the vendor can tell: the user with the agent, the user, or nobody. */
  readonly names: 'chain' | 'user' | 'nobody';
  /** Header that the credential is expected in, in lower case; undefined for none. */
  readonly slot: string | undefined;
  /** What else the user's token must have. */
  readonly user: Partial<MintOptions>;
  /** Undefined for anything that this vendor did not give. */
  genuine(headers: IncomingHttpHeaders): Genuine | undefined | Promise<Genuine | undefined>;
  /** From now on there is no credential to be had. */
  down(): void;
}

export type Arming = (t: Test, places: Places, clock: MovableClock) => Promise<Arm>;

export interface FederatedChanges {
  readonly entry?: Document;
  readonly scopes?: readonly string[];
  readonly names?: Arm['names'];
  /** The user's own token is what is brought, and not one of the organisation's issuer. */
  readonly direct?: boolean;
}

/** The organisation's issuer with user and agents in its token first, the vendor's federation with the result after it. */
export function federated<V extends VendorServer>(
  kind: VendorKind<V>,
  issued: (vendor: V) => IssuedTokens,
  changes: FederatedChanges = {},
): Arming {
  return async (t, { issuer }, clock) => {
    const { audience } = kind;
    const vendor = await kind.start({ clock }, { issuer: issuer.issuer, jwksUri: issuer.jwksUri, audience });
    t.teardown(() => vendor.close());
    const entry = { ...kind.entry(vendor), ...changes.entry };
    const { scopes = [], direct = false, names = 'chain' } = changes;
    const steps = [{ exchange: 'corp', audience, scopes: [] }, { exchange: 'vendor' }];
    return {
      exchanges: direct ? { vendor: entry } : { vendor: entry, 'corp-vendor': { grant: 'chain', steps } },
      exchange: direct ? 'vendor' : 'corp-vendor',
      route: { scopes, verify: scopes.length > 0 ? 'record' : 'strict' },
      kind: 'exchanged',
      grant: String(entry['grant']),
      names,
      slot: 'authorization',
      user: direct ? { audience: ['postern', 'agent:planner', entraClient.id] } : {},
      genuine: ({ authorization }) => issued(vendor).of(authorization),
      down: () => vendor.answerWith((response) => response.writeHead(503).end()),
    };
  };
}

const key = 'standing-key-of-the-vendor-1234';

/** A key of the vendor's that only the gate has: in a file, in the slot that the vendor reads. */
export function standing(slot = 'authorization', prefix = slot === 'authorization' ? 'Bearer ' : ''): Arming {
  return async (_t, { folder }, clock) => {
    const file = join(folder, 'vendor-key');
    writeFileSync(file, key);
    return {
      exchanges: { vendor: { grant: 'static_secret', file } },
      exchange: 'vendor',
      route: {},
      kind: 'static',
      grant: 'static_secret',
      names: 'nobody',
      slot,
      user: {},
      genuine: (headers) => (headers[slot] === `${prefix}${key}` ? { claims: undefined } : undefined),
      down() {
        writeFileSync(file, '');
        clock.advance(2);
      },
    };
  };
}

/** An API that validates JWTs of the organisation's issuer: it gets the exchanged token as it is, user and agents in it. */
export function exchanged(audience: string, scopes: readonly string[], slot = 'authorization'): Arming {
  return async (_t, { issuer }, clock) => {
    const keys = createRemoteJWKSet(new URL(issuer.jwksUri));
    return {
      exchanges: {},
      exchange: 'corp',
      route: { audience, scopes },
      kind: 'exchanged',
      grant: 'token_exchange',
      names: 'chain',
      slot,
      user: {},
      async genuine(headers) {
        const token = String(headers[slot] ?? '').replace(/^Bearer /, '');
        const options = { issuer: issuer.issuer, audience, currentDate: new Date(clock.now()) };
        const claims = await jwtVerify(token, keys, options).then(
          ({ payload }) => payload,
          () => undefined,
        );
        return claims && { claims };
      },
      down: () => issuer.answerWith((response) => response.writeHead(503).end()),
    };
  };
}

/** An upstream that asks nobody: no credential at all. */
export const bare: Arming = async () => ({
  exchanges: {},
  exchange: 'none',
  route: {},
  kind: 'none',
  grant: undefined,
  names: 'nobody',
  slot: undefined,
  user: {},
  genuine: () => ({ claims: undefined }),
  down: () => {},
});

// What both Entra grants share: which tenant, at which authority, and the scopes without which Entra gives nothing.
// Entra knows no RFC 8693 (AADSTS70003), no `resource` (AADSTS901002) and no `act`; the client is the acting party.

import * as z from 'zod';
import { Refusal } from '../base/errors.ts';
import { httpUrl, scopeToken } from '../base/scalars.ts';
import type { GrantPorts, Hop } from './grant.ts';
import { reportUnprotected, timeoutShape } from './issuer-schema.ts';

export const entraShape = {
  tenant: z
    .string()
    .regex(/^[A-Za-z0-9.-]{1,128}$/, 'is not a tenant (its ID or one of its domains)')
    .describe('Directory (tenant) ID.'),
  authority: httpUrl
    .default('https://login.microsoftonline.com')
    .describe('Entra itself; another one for national clouds and tests.'),
  scopes: z
    .array(scopeToken)
    .max(64)
    .default([])
    .describe('Scopes asked for where the route names none, such as `https://cognitiveservices.azure.com/.default`.'),
  ...timeoutShape,
};

export interface EntraOptions {
  readonly tenant: string;
  readonly authority: string;
  readonly scopes: readonly string[];
}

export interface EntraPlace {
  readonly issuer: string;
  readonly tokenEndpoint: string;
}

/** Endpoints of the v2.0 platform (MSAL constants; learn.microsoft.com, identity platform). */
export function entraPlace({ tenant, authority }: EntraOptions, { report }: GrantPorts): EntraPlace {
  reportUnprotected(authority, 'authority', report);
  const base = `${authority.replace(/\/$/, '')}/${tenant}`;
  return { issuer: `${base}/v2.0`, tokenEndpoint: `${base}/oauth2/v2.0/token` };
}

/** @throws Refusal `exchange_misconfigured` without any scope: Entra would answer AADSTS90014 */
export function entraScope(hop: Hop, { scopes }: EntraOptions): string {
  const asked = hop.scopes.length === 0 ? scopes : hop.scopes;
  if (asked.length > 0) return asked.join(' ');
  const detail = 'Entra gives nothing without a scope: add `scopes` to the route or the exchange';
  throw new Refusal('exchange_misconfigured', { detail, retryAfter: 1 });
}

// What a role session is called and narrowed to: a session name that says who called without naming anyone, and a session
// policy of what the route asks for. A session can do what its role and the session policy both allow, never more (IAM User
// Guide, "Session policies"), so nothing here can widen anything.

import * as z from 'zod';
import { digest } from '../base/digest.ts';
import { Refusal } from '../base/errors.ts';
import type { JsonObject } from '../principal.ts';
import type { Hop, Party } from './grant.ts';

export const awsRegion = z
  .string()
  .regex(/^[a-z]{2,8}(?:-[a-z]{2,16}){1,3}-\d{1,2}$/, 'is not a region, such as eu-central-1');

/** RoleSessionName: `[\w+=,.@-]{2,64}` (STS API reference, AssumeRoleWithWebIdentity). */
const sessionName = /^[\w+=,.@-]{2,64}$/;

/** Longest inline session policy, in characters as sent (API reference: 2,048 for policy and ARNs together). */
const maxPolicy = 2_048;

/** Characters of a digest kept: 132 bits tell any two parties apart. */
const keptDigest = 22;

const placeholder = /\{(caller|subject|caller_sub|subject_sub)\}/g;

export const sessionNameSchema = z
  .string()
  .regex(
    /^(?:[\w+=,.@-]|\{(?:caller|subject|caller_sub|subject_sub)\}){1,64}$/,
    'may hold letters, digits and +=,.@_- and {caller}, {subject}, {caller_sub} and {subject_sub}',
  )
  .refine(
    (template) =>
      sessionName.test(template.replace(placeholder, (_, name: string) => (name.endsWith('_sub') ? 'xx' : digestOf()))),
    'is longer than 64 characters with a digest of 22 in place of {caller} and {subject}',
  );

/** @throws Refusal `exchange_misconfigured` where a name as it stands in a token is none AWS takes: it is never cut or bent. */
export function sessionNameOf(template: string, { parties }: Pick<Hop, 'parties'>): string {
  const [subject] = parties;
  const caller = parties[1] ?? subject;
  const name = template.replace(placeholder, (_, which: string) => {
    const party = which.startsWith('caller') ? caller : subject;
    // A credential of the gate's own has no parties.
    return which.endsWith('_sub') ? (party?.sub ?? 'gate') : digestOf(party);
  });
  if (sessionName.test(name)) return name;
  const detail = 'session_name: a `sub` has characters AWS does not take, or is too long; use {caller} or {subject}';
  throw new Refusal('exchange_misconfigured', { detail, retryAfter: 1 });
}

/** One way, and the same for the same party: what CloudTrail shows can be found again, but says nothing by itself. */
function digestOf(party: Party = { iss: undefined, sub: '' }): string {
  return digest([party.iss, party.sub]).slice(0, keptDigest);
}

/** An IAM policy document, as far as it is joined with others. */
export const policySchema = z
  .strictObject({
    Version: z.literal('2012-10-17').describe('Version of the policy language.'),
    Statement: z
      .union([z.array(z.record(z.string(), z.json())).min(1), z.record(z.string(), z.json())])
      .describe('Statements as IAM takes them: one, or a list.'),
  })
  .refine((policy) => JSON.stringify(policy).length <= maxPolicy, `is longer than ${maxPolicy} characters`);

export type PolicyDocument = z.output<typeof policySchema>;

/**
 * The session policy of one hop; undefined where nobody narrows anything. The scopes of a route are IAM actions, its
 * resources ARNs. Beside a configured document they only deny: everything but what was asked for.
 */
export function sessionPolicyOf(
  configured: PolicyDocument | undefined,
  { scopes, resources }: Pick<Hop, 'scopes' | 'resources'>,
): string | undefined {
  const asked = scopes.length > 0 || resources.length > 0;
  if (!asked) return configured && JSON.stringify(configured);
  if (configured === undefined) {
    const allow = { Effect: 'Allow', Action: listed(scopes), Resource: listed(resources) };
    return JSON.stringify({ Version: '2012-10-17', Statement: [allow] });
  }
  const denied: JsonObject[] = [];
  if (scopes.length > 0) denied.push({ Effect: 'Deny', NotAction: [...scopes], Resource: '*' });
  if (resources.length > 0) denied.push({ Effect: 'Deny', Action: '*', NotResource: [...resources] });
  return JSON.stringify({ Version: '2012-10-17', Statement: [configured.Statement, denied].flat() });
}

function listed(values: readonly string[]): string | string[] {
  return values.length === 0 ? '*' : [...values];
}

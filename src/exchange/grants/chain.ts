// Several exchanges in a row, each made with what the one before it brought: identity chaining (RFC 8693 at one issuer, RFC
// 7523 at another), ID-JAG, or the organisation's issuer with the whole `act` chain first and a vendor's federation with the
// result. Vendors take no actor token, so the chain lives in the first legs' tokens, and in the records of all of them.
// Every leg is an exchange of its own, by name: own cache entry, own span, own verification. No step can be skipped.

import * as z from 'zod';
import { nearest } from '../../base/nearest.ts';
import type { Report } from '../../base/problem.ts';
import { identifier, scopeToken } from '../../base/scalars.ts';
import type { CompiledExchange, CompiledLeg } from '../compile.ts';
import type { RouteAsk } from '../grant.ts';
import type { LegRequest } from '../plan.ts';
import { requestShape } from '../request-schema.ts';
import { idJagType } from '../token-type.ts';
import { type as aws } from './aws-web-identity.ts';

export const type = 'chain';
export const asks: readonly RouteAsk[] = ['audience', 'resource', 'scopes'];

/** Longest chain: each step adds a round trip to the first call, and all of them must fit the wait for an exchange. */
const maxSteps = 4;

const step = z.strictObject({
  exchange: identifier.describe('Name of an exchange; its result is the subject of the next step.'),
  audience: requestShape.audience
    .optional()
    .describe("Audience asked for in this step; in the last one the route's, before it the one the next step wants."),
  resource: requestShape.resource
    .optional()
    .describe("Resource or resources asked for in this step; in the last one the route's, else none."),
  scopes: z
    .array(scopeToken)
    .max(64)
    .optional()
    .describe('Scopes asked for in this step; those of the route where not written. `[]` for none.'),
  requested_token_type: requestShape.tokenType
    .optional()
    .describe("Type of token asked for in this step; in the last one the route's, else access_token."),
  verify: z
    .enum(['strict', 'record'])
    .optional()
    .describe("Whether this step's token is refused when it is not what was asked for; as the route says by default."),
});

export const schema = z.strictObject({
  grant: z.literal(type).describe('Several exchanges in a row, each made with the result of the one before.'),
  steps: z.array(step).min(2, 'needs at least two steps').max(maxSteps).describe('The exchanges, first to last.'),
});

export type Options = z.output<typeof schema>;
type Step = Options['steps'][number];

/** @returns the legs of all steps; none after a problem was reported */
export function compose(
  { steps }: Options,
  exchanges: ReadonlyMap<string, CompiledExchange>,
  report: Report,
): readonly CompiledLeg[] {
  const legs: CompiledLeg[] = [];
  let broken = false;
  const problemAt =
    (at: number): Report =>
    (problem) => {
      broken = true;
      report({ ...problem, path: ['steps', at, ...problem.path] });
    };
  for (const [at, one] of steps.entries()) {
    const problem = problemAt(at);
    const found = exchanges.get(one.exchange);
    if (found === undefined) {
      problem({ path: ['exchange'], ...missing(one.exchange, [...exchanges.keys()]) });
      continue;
    }
    reportMisplaced(found, at, problem);
    if (at < steps.length - 1) reportUntradable(found, problem);
    const request = requestOf(one);
    legs.push(...found.legs.map((leg) => ({ ...leg, request })));
  }
  reportIdJags(legs, (at) => problemAt(Math.min(at, steps.length - 1)));
  return broken ? [] : legs;
}

function requestOf({ audience, resource, scopes, requested_token_type, verify }: Step): LegRequest {
  const sorted = scopes && [...new Set(scopes)].sort();
  return { audience, resources: resource, scopes: sorted, requestedTokenType: requested_token_type, verify };
}

function missing(name: string, known: readonly string[]) {
  const close = nearest(name, known);
  const list = `known: ${known.join(', ')}; a chain cannot be a step`;
  const mend = close === undefined ? list : `did you mean ${close}? ${list}`;
  return { what: `names an exchange that is not there: ${name}`, mend };
}

function reportMisplaced({ legs: [first] }: CompiledExchange, at: number, problem: Report): void {
  const grant = first?.grant;
  if (grant?.kind === 'static') {
    const mend = 'use an exchange that asks an issuer';
    problem({ path: ['exchange'], what: 'gives a standing secret, which nothing can be exchanged for', mend });
  } else if (at > 0 && grant?.kind !== 'exchanged') {
    const mend = 'put it first, or use an exchange without `subject_source`';
    problem({ path: ['exchange'], what: 'takes no subject, so that the step before it would be for nothing', mend });
  }
}

/** What is used with a key, or is one: the next step would send it away as a token. */
function reportUntradable({ legs }: CompiledExchange, problem: Report): void {
  const last = legs.at(-1)?.grant;
  if (last?.dpop === true) {
    const mend = 'let only the last step ask for bound tokens';
    problem({ path: ['exchange'], what: 'gives a token bound to a key, which the next step cannot send on', mend });
  } else if (last?.type === aws) {
    const mend = 'make it the last step';
    problem({ path: ['exchange'], what: 'gives keys of AWS, which the next step would send to its issuer', mend });
  }
}

/** An ID-JAG is for the next step's authorization server, and only for that one. */
function reportIdJags(legs: readonly CompiledLeg[], problemAt: (at: number) => Report): void {
  for (const [at, { request }] of legs.entries()) {
    if (request.requestedTokenType !== idJagType) continue;
    const problem = problemAt(at);
    const server = legs[at + 1]?.grant.subjectAudience;
    if (server === undefined || legs[at + 1]?.grant.spendsSubject !== true) {
      const mend = 'let a step with grant jwt_bearer and an `issuer` follow';
      problem({ path: [], what: 'asks for an ID-JAG that no step after it redeems', mend });
    } else if (request.audience !== undefined && request.audience !== server) {
      const what = `asks for an ID-JAG for ${request.audience}, and the next step would redeem it at ${server}`;
      problem({ path: ['audience'], what, mend: 'leave it out: the issuer of the next step is the default' });
    }
  }
}

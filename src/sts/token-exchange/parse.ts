// RFC 8693 section 2.1: the request parameters of a token exchange, checked for presence and shape.
// Knows nothing of tokens, clients or policy. Must never let a malformed combination reach the checks.

import { errors } from 'oidc-provider';
import { readParameters } from '../grant-parameters.ts';

export const tokenExchangeGrantType = 'urn:ietf:params:oauth:grant-type:token-exchange';

/** Parameters of the grant, and the two of them that may be repeated. */
export const tokenExchangeParameters = [
  'resource',
  'audience',
  'scope',
  'requested_token_type',
  'subject_token',
  'subject_token_type',
  'actor_token',
  'actor_token_type',
] as const;
export const repeatableParameters = ['resource', 'audience'] as const;

const accessToken = 'urn:ietf:params:oauth:token-type:access_token';
const jwt = 'urn:ietf:params:oauth:token-type:jwt';

/** Token types understood here (RFC 8693 section 3): this issuer's own tokens are JWT access tokens. */
const tokenTypes: ReadonlySet<string> = new Set([accessToken, jwt]);

export interface ExchangeRequest {
  readonly subjectToken: string;
  readonly actorToken: string | undefined;
  /** What the token is asked for: audiences and resources together, as given. At least one. */
  readonly targets: readonly string[];
  /** The `scope` parameter as given. */
  readonly scope: string | undefined;
  readonly issuedTokenType: string;
}

/** @throws errors.InvalidRequest, errors.InvalidTarget as RFC 8693 section 2.2.2 says. */
export function parseExchange(given: object): ExchangeRequest {
  const parameters = readParameters(given);
  const subjectToken = parameters.one('subject_token');
  const subjectTokenType = parameters.one('subject_token_type');
  if (subjectToken === undefined) throw new errors.InvalidRequest('subject_token is missing');
  if (subjectTokenType === undefined) throw new errors.InvalidRequest('subject_token_type is missing');
  expectTokenType('subject_token_type', subjectTokenType);

  const actorToken = parameters.one('actor_token');
  const actorTokenType = parameters.one('actor_token_type');
  if (actorToken !== undefined && actorTokenType === undefined) {
    throw new errors.InvalidRequest('actor_token_type is missing');
  }
  if (actorToken === undefined && actorTokenType !== undefined) {
    throw new errors.InvalidRequest('actor_token_type must not be sent without actor_token');
  }
  if (actorTokenType !== undefined) expectTokenType('actor_token_type', actorTokenType);

  const issuedTokenType = parameters.one('requested_token_type') ?? accessToken;
  expectTokenType('requested_token_type', issuedTokenType);

  const targets = [...parameters.all('audience'), ...parameters.all('resource')];
  if (targets.length === 0) throw new errors.InvalidTarget('audience or resource is missing');

  return { subjectToken, actorToken, targets, scope: parameters.one('scope'), issuedTokenType };
}

function expectTokenType(parameter: string, value: string): void {
  if (!tokenTypes.has(value)) throw new errors.InvalidRequest(`${parameter} is not supported`);
}

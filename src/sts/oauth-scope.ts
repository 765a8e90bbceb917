// Scope arithmetic of both grants: what was asked for, within what may be had (RFC 6749 section 3.3).
// Must never grant a value that was not in the ceiling, and never drop a requested one silently.

import { errors } from 'oidc-provider';

/**
 * @param requested the `scope` parameter; undefined asks for everything that may be had.
 * @param ceiling scopes that may be granted.
 * @returns granted scope values in the order asked for; empty only when nothing was asked and nothing can be had.
 * @throws errors.InvalidScope when anything requested lies outside the ceiling.
 */
export function grantScopes(requested: string | undefined, ceiling: readonly string[]): readonly string[] {
  if (requested === undefined) return ceiling;
  const allowed = new Set(ceiling);
  const asked = [...new Set(requested.split(' '))];
  const refused = asked.filter((scope) => !allowed.has(scope));
  if (refused.length > 0) {
    throw new errors.InvalidScope('requested scope is wider than what may be granted here', refused.join(' '));
  }
  return asked;
}

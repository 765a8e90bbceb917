// What a token is asked for, as OAuth issuers take it: `audience` (RFC 8693 section 2.1), `resource` (RFC 8707), `scope`.
// Must never say a parameter that was not asked for: to some issuers an empty one means everything.

import type { Hop, Input } from './grant.ts';

export function targetInputs({ audience, resources, scopes }: Hop): readonly Input[] {
  const inputs: Input[] = [];
  if (audience !== undefined) inputs.push(['audience', audience]);
  for (const resource of resources) inputs.push(['resource', resource]);
  if (scopes.length > 0) inputs.push(['scope', scopes.join(' ')]);
  return inputs;
}

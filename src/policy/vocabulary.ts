// The words a policy expression may use: variables, their fields, functions. One table for the type checker, for the
// mends of configuration problems and for docs/reference/policy.md. What is not listed here cannot be used.

export interface Field {
  readonly name: string;
  /** CEL type. */
  readonly type: string;
  readonly about: string;
}

export interface Variable extends Field {
  /** Fields of a typed variable; undefined for a plain value. */
  readonly fields: readonly Field[] | undefined;
}

export interface FunctionEntry {
  readonly name: string;
  /** How it is written. */
  readonly form: string;
  readonly about: string;
}

const principalFields: readonly Field[] = [
  { name: 'iss', type: 'string', about: 'Issuer of the identity.' },
  { name: 'sub', type: 'string', about: 'Identity at that issuer: a SPIFFE ID, a client, a user.' },
  { name: 'kind', type: 'string', about: '`user` or `workload`.' },
  { name: 'claims', type: 'map', about: 'Verified claims of the token. Any shape: guard with `has(...)`.' },
];

export const actorFields: readonly Field[] = [
  { name: 'iss', type: 'string', about: 'Issuer of the actor; empty where the token does not say.' },
  { name: 'sub', type: 'string', about: 'Identity of the actor.' },
];

const chainFields: readonly Field[] = [
  { name: 'depth', type: 'int', about: 'Number of actors; 0 when the caller acts for itself.' },
  { name: 'actors', type: 'list<Actor>', about: 'Actors, the caller first, each with `iss` and `sub`.' },
  { name: 'root_id', type: 'string', about: 'Joins every hop of one delegation.' },
  {
    name: 'binding',
    type: 'string',
    about:
      'How caller and subject were tied together: `self`, `audience`, `may_act`, `sidecar`, `caller_claim`, `peer_certificate`, `handle`, `trace` or `trust_domain`; `bearer` on calls in to an agent.',
  },
];

const requestFields: readonly Field[] = [
  { name: 'method', type: 'string', about: 'HTTP method.' },
  { name: 'path', type: 'string', about: 'Canonical path below the route, such as `/v1/chat/completions`.' },
  { name: 'operation', type: 'string', about: 'Operation as the preset names it, such as `chat` or `tools/call`.' },
  { name: 'model', type: 'string', about: 'Model asked for.' },
  { name: 'tool', type: 'string', about: 'MCP tool called.' },
  { name: 'resource', type: 'string', about: 'What the operation is about: a collection, an MCP resource, a prompt.' },
  { name: 'stream', type: 'bool', about: 'Whether a streamed answer was asked for.' },
  { name: 'mcp_version', type: 'string', about: 'MCP protocol version.' },
];

const routeFields: readonly Field[] = [
  { name: 'id', type: 'string', about: 'Name of the route.' },
  { name: 'preset', type: 'string', about: 'Preset the route was made from.' },
  { name: 'provider', type: 'string', about: 'Model provider, where the route is a model API.' },
];

export const variables: readonly Variable[] = [
  { name: 'caller', type: 'Principal', about: 'The authenticated workload making the call.', fields: principalFields },
  {
    name: 'subject',
    type: 'Principal',
    about: 'On whose behalf; the caller itself if nobody else.',
    fields: principalFields,
  },
  { name: 'chain', type: 'Chain', about: 'The delegation chain.', fields: chainFields },
  { name: 'request', type: 'Request', about: 'What is asked of the upstream.', fields: requestFields },
  { name: 'route', type: 'Route', about: 'The route that matched.', fields: routeFields },
  { name: 'now', type: 'google.protobuf.Timestamp', about: 'Time of the decision.', fields: undefined },
];

/** What an identity rule (`workload_when`) may use. */
export const claimsVariables: readonly Variable[] = [
  { name: 'claims', type: 'map', about: 'Verified claims of the token.', fields: undefined },
];

export const functions: readonly FunctionEntry[] = [
  { name: 'startsWith', form: 'text.startsWith(prefix)', about: 'Whether the text starts with the prefix.' },
  { name: 'endsWith', form: 'text.endsWith(suffix)', about: 'Whether the text ends with the suffix.' },
  { name: 'contains', form: 'text.contains(part)', about: 'Whether the part occurs in the text.' },
  {
    name: 'like',
    form: 'text.like("pattern")',
    about:
      'Whether the whole text matches the pattern, where `*` stands for any run of characters, `/` included. The pattern is a literal.',
  },
  { name: 'size', form: 'size(x)', about: 'Length of a text, list or map.' },
  { name: 'has', form: 'has(caller.claims.groups)', about: 'Whether the field is there.' },
  { name: 'all', form: 'list.all(x, condition)', about: 'Whether the condition holds for every element.' },
  { name: 'exists', form: 'list.exists(x, condition)', about: 'Whether it holds for at least one.' },
  { name: 'exists_one', form: 'list.exists_one(x, condition)', about: 'Whether it holds for exactly one.' },
  { name: 'filter', form: 'list.filter(x, condition)', about: 'The elements for which it holds.' },
  { name: 'map', form: 'list.map(x, value)', about: 'The value for every element.' },
  {
    name: 'type',
    form: 'type(x) == list',
    about: 'Type of a claim: `string`, `int`, `double`, `bool`, `list`, `map`.',
  },
  { name: 'string', form: 'string(x)', about: 'As text.' },
  { name: 'int', form: 'int(x)', about: 'As a whole number.' },
  { name: 'double', form: 'double(x)', about: 'As a floating-point number.' },
  {
    name: 'timestamp',
    form: 'timestamp("2026-01-31T00:00:00Z")',
    about: 'A point in time; also of seconds since 1970.',
  },
  { name: 'duration', form: 'duration("1h30m")', about: 'A length of time, to add to or compare with timestamps.' },
  ...(['getFullYear', 'getMonth', 'getDate', 'getDayOfWeek', 'getHours', 'getMinutes', 'getSeconds'] as const).map(
    (name) => ({ name, form: `now.${name}("Europe/Berlin")`, about: timePart(name) }),
  ),
];

function timePart(name: string): string {
  if (name === 'getMonth') return 'Month in UTC or the zone given; January is 0.';
  if (name === 'getDayOfWeek') return 'Day of the week in UTC or the zone given; Sunday is 0.';
  return `${name === 'getDate' ? 'Day of the month' : name.replace(/^get(Full)?/, '')} in UTC or the zone given.`;
}

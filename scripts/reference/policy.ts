// docs/reference/policy.md: what an expression may use, from the vocabulary the type checker uses.

import { actorFields, claimsVariables, type Field, functions, variables } from '../../src/policy/vocabulary.ts';
import { code, fenced, page, table } from './markdown.ts';

/** Shown in the reference; a test compiles every one of them. */
export const policyExamples: readonly { readonly means: string; readonly when: string }[] = [
  { means: 'Every authenticated caller.', when: 'true' },
  {
    means: 'Workloads of one namespace, and only small models.',
    when: 'caller.sub.startsWith("spiffe://corp/ns/research/") && request.model.like("gpt-*-mini")',
  },
  { means: 'On behalf of a user, never of another agent.', when: 'subject.kind == "user"' },
  {
    means: 'Users of a group. Without `has`, a token that lacks the claim fails the rule and refuses the call.',
    when: 'has(subject.claims.groups) && "research" in subject.claims.groups',
  },
  {
    means: 'Read-only tools of an MCP server.',
    when: 'request.operation == "tools/call" && request.tool.like("read_*")',
  },
  {
    means: 'Everything of an MCP server but calling tools.',
    when: 'request.operation != "" && request.operation != "tools/call"',
  },
  { means: 'One collection, for searching.', when: 'request.operation == "search" && request.resource == "handbook"' },
  {
    means: 'Only agents of one domain anywhere in the chain. Holds for a caller acting for itself: its chain is empty.',
    when: 'chain.actors.all(a, a.sub.startsWith("spiffe://corp/"))',
  },
  {
    means: 'No weaker tie between caller and user than a token of the caller.',
    when: 'chain.binding in ["audience", "may_act"]',
  },
  { means: 'In office hours.', when: 'now.getHours("Europe/Berlin") >= 8 && now.getHours("Europe/Berlin") < 18' },
];

/** Likewise for rules over claims. */
export const claimsExamples: readonly string[] = [
  'claims.sub.startsWith("spiffe://")',
  'has(claims.client_id) && claims.sub == claims.client_id',
];

const rules = `# Policy reference

A route's \`allow\` lists rules in order. The first rule whose condition holds allows the call, and its id and the version of
the policy are recorded; if none holds, the call is denied. Before any rule, \`on_behalf_of\` and \`limits.chain_depth\` are
checked. \`scopes_by\` picks scopes by conditions of the same kind; if none of its lines holds, the call is denied too.

Conditions are written in [CEL](https://cel.dev). They are type-checked and bounded in cost when the configuration is loaded: a
mistyped field stops the start, with its place and the nearest known name.

- **Absent facts** are empty texts (and \`request.stream\` is \`false\`): \`request.model.startsWith("gpt-")\` is false for a
  request that names no model. Mind negative conditions: \`request.model != "gpt-5"\` holds for that request; add
  \`request.model != ""\`.
- **Claims** have any shape. Reading a claim that is not there, or of another type, fails the rule; guard with \`has(...)\`.
- **A rule that fails refuses the call** (\`policy_failed\`), even where a later rule would allow it. As CEL defines it, \`||\`
  and \`&&\` pass over a failing side if the other side decides.
- **Numbers** in claims are \`int\` when whole, else \`double\`.
- **Bounds**: 4096 characters and 512 nodes an expression; lists are iterated, but not within one another unless both are
  short; claims longer than 1024 entries, nested deeper than 16 or holding more than 4096 values fail the rule that reads them.
- There is no \`matches\`: regular expressions over text that an agent chose can be made to run for ever. Use \`like\`.`;

export function policyPage(): string {
  return page(
    rules,
    '## Variables',
    ...variables.flatMap(({ name, about, fields, type }) => [
      `### \`${name}\``,
      fields === undefined ? `${about} Type: ${code(type)}.` : about,
      ...(fields === undefined ? [] : [fieldTable(fields)]),
      ...(name === 'chain' ? ['Each of `chain.actors`:', fieldTable(actorFields)] : []),
    ]),
    '## Functions',
    table(
      ['Written', 'Meaning'],
      functions.map(({ form, about }) => [code(form), about]),
    ),
    'Operators: `==` `!=` `<` `<=` `>` `>=`, `in` (lists and keys of maps), `&&` `||` `!`, `+` `-` `*` `/` `%`, `a ? b : c`, `list[0]`, `map["key"]`.',
    '## Examples',
    ...policyExamples.flatMap(({ means, when }) => [means, fenced('cel', when)]),
    '## Rules over claims',
    'An issuer of both kinds of tokens (`principal: any`) needs `workload_when`, which tells workloads from users. It has one variable:',
    fieldTable(claimsVariables),
    'and the same functions. A rule that fails refuses the call (`principal_kind_undecided`).',
    ...claimsExamples.map((when) => fenced('cel', when)),
  );
}

function fieldTable(fields: readonly Field[]): string {
  return table(
    ['Name', 'Type', 'Meaning'],
    fields.map(({ name, type, about }) => [code(name), code(type), about]),
  );
}

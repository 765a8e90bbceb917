// The two CEL environments: what a policy rule and what a rule over claims may refer to, with their types and limits.
// Must never offer a word that the vocabulary does not list.

import { Environment } from '@marcbachmann/cel-js';
import { ActorFacts, ChainFacts, PrincipalFacts, RequestPolicyFacts, RouteFacts } from './facts.ts';
import { like } from './like.ts';
import { actorFields, claimsVariables, type Field, type Variable, variables } from './vocabulary.ts';

/** Structure of one expression; with the bounds on lists (restrict.ts) it bounds what an evaluation can cost. */
const limits = { maxAstNodes: 512, maxDepth: 32, maxListElements: 256, maxMapEntries: 64, maxCallArguments: 4 };

/** CEL tells typed values apart by their constructor. */
const constructors = new Map<
  string,
  typeof PrincipalFacts | typeof ChainFacts | typeof RequestPolicyFacts | typeof RouteFacts
>([
  ['Principal', PrincipalFacts],
  ['Chain', ChainFacts],
  ['Request', RequestPolicyFacts],
  ['Route', RouteFacts],
]);

export interface Vocabulary {
  readonly environment: Environment;
  readonly variables: readonly Variable[];
}

export const policyVocabulary: Vocabulary = { environment: createEnvironment(variables), variables };
export const claimsVocabulary: Vocabulary = {
  environment: createEnvironment(claimsVariables),
  variables: claimsVariables,
};

function createEnvironment(words: readonly Variable[]): Environment {
  const environment = new Environment({ limits });
  environment.registerFunction('string.like(string): bool', like, { async: false });
  environment.registerType('Actor', { ctor: ActorFacts, fields: typesOf(actorFields) });
  const registered = new Set<string>();
  for (const { name, type, fields } of words) {
    const ctor = constructors.get(type);
    if (ctor !== undefined && fields !== undefined && !registered.has(type)) {
      environment.registerType(type, { ctor, fields: typesOf(fields) });
      registered.add(type);
    }
    environment.registerVariable(name, type);
  }
  return environment;
}

function typesOf(fields: readonly Field[]): Record<string, string> {
  return Object.fromEntries(fields.map(({ name, type }) => [name, type]));
}

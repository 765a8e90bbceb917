// The delegation chain as span attributes: scalars that every backend can search, an array for those that can do better.
// Takes only what was verified (KnownCall); what a caller merely claims must never appear here.
// The same names stand on the SERVER, token_exchange and upstream spans, so that one query finds a hop wherever it is.

import type { KnownCall } from '../call.ts';
import type { Actor, DelegationChain } from '../principal.ts';
import type { AttributeBlock, AttributeValue, WriteAttributes } from './otlp-attributes.ts';
import { encodeIdentifier, type NamePrincipal } from './pseudonym.ts';

/** Actors written one by one. */
const maxHops = 8;

/** Bytes of the chain string: below the 2048 at which Tempo cuts an attribute. */
export const maxChain = 1_024;

/** Stands for the actors a cut chain leaves out. */
const more = '…';

export interface DelegationIds {
  readonly rootId: string;
  /** This hop's grant: digest of the issued `jti`, or the call's own id where the credential has none. */
  readonly id: string;
  /** The grant it derives from: digest of the presented `jti`. */
  readonly parentId: string | undefined;
}

export type DelegationAttributes = Record<string, AttributeValue>;

export interface DelegationOptions {
  readonly name: NamePrincipal;
  /** Write postern.delegation.hop.<n> too. */
  readonly hops: boolean;
}

/**
 * The chain this gate verified, whatever the issued token carries of it: some issuers drop `act`, and then this is the only
 * place where it can be read (postern.token.verification.findings says so).
 */
export function delegationAttributes(
  call: KnownCall,
  ids: DelegationIds,
  options: DelegationOptions,
): DelegationAttributes {
  const subject = options.name(call.subject);
  const fromRoot = call.chain.actors.toReversed().map((actor) => nameActor(call, actor, options.name));
  const listed = fromRoot.slice(0, maxHops);
  const { chain, cut } = chainOf(subject, listed);
  const truncated = cut || fromRoot.length > maxHops;
  const attributes: DelegationAttributes = {
    'postern.delegation.root_id': ids.rootId,
    'postern.delegation.id': ids.id,
    'postern.delegation.parent_id': ids.parentId,
    'postern.delegation.subject': subject,
    'postern.delegation.actor': fromRoot.at(-1) ?? (call.subject.kind === 'workload' ? subject : undefined),
    'postern.delegation.depth': fromRoot.length,
    'postern.delegation.chain': truncated ? `${chain}${more}>` : chain,
    'postern.delegation.actors': listed,
    'postern.delegation.truncated': truncated ? true : undefined,
  };
  if (options.hops) {
    for (const [index, actor] of listed.entries()) attributes[`postern.delegation.hop.${index + 1}`] = actor;
  }
  return attributes;
}

/** The attributes of a chain but for `postern.delegation.id`, encoded once for all calls that share it. */
export type DelegationBlocks = (call: KnownCall, ids: DelegationIds) => AttributeBlock;

interface KnownBlock extends Pick<DelegationIds, 'rootId' | 'parentId'> {
  readonly block: AttributeBlock;
}

/** Chains are remembered with their tokens, and given up with them: writing one anew took 4 us of every sampled call. */
export function createDelegationBlocks(
  encode: (write: WriteAttributes) => AttributeBlock,
  options: DelegationOptions,
): DelegationBlocks {
  const blocks = new WeakMap<DelegationChain, KnownBlock>();
  return (call, ids) => {
    const { rootId, parentId } = ids;
    const known = blocks.get(call.chain);
    if (known !== undefined && known.rootId === rootId && known.parentId === parentId) return known.block;
    const { 'postern.delegation.id': _own, ...shared } = delegationAttributes(call, ids, options);
    const block = encode((to) => {
      for (const [name, value] of Object.entries(shared)) to.set(name, value);
    });
    blocks.set(call.chain, { rootId, parentId, block });
    return block;
  };
}

/** The caller as an actor is a principal whose kind is known: a user's name follows the setting even there. */
function nameActor(call: KnownCall, actor: Actor, name: NamePrincipal): string {
  const { caller } = call;
  if (caller.kind === 'user' && actor.sub === caller.sub && actor.iss === caller.iss) return name(caller) ?? 'user:-';
  return encodeIdentifier(actor.sub);
}

/** `>subject>actor>actor>`, root first, separators at both ends so that `>agent:a>` never matches `agent:ab`. */
function chainOf(subject: string | undefined, actors: readonly string[]): { chain: string; cut: boolean } {
  let chain = '>';
  for (const member of subject === undefined ? actors : [subject, ...actors]) {
    if (Buffer.byteLength(chain) + Buffer.byteLength(member) + Buffer.byteLength(more) + 2 > maxChain) {
      return { chain, cut: true };
    }
    chain += `${member}>`;
  }
  return { chain, cut: false };
}

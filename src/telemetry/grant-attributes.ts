// What the spans of a call say of its credential, its user and its chain: all that follows from the grant it was made with.
// Encoded once for all calls that find the same credential, and copied as one piece: of a user who is one of thousands nothing is
// near, and finding the parts one by one took 4 us of a sampled call.
// Must never hand out the attributes of another chain than the call's, though it has the same credential.

import { boundedList } from '../base/bounded.ts';
import { createRemembered } from '../base/remembered.ts';
import type { KnownCall } from '../call.ts';
import type { CredentialFacts } from '../credential.ts';
import type { DelegationChain } from '../principal.ts';
import type { DelegationBlocks, DelegationIds } from './delegation-attributes.ts';
import type { AttributeBlock, AttributeWriter, WriteAttributes } from './otlp-attributes.ts';

const maxListed = 32;
const maxName = 128;

export type GrantSpan = 'server' | 'attempt';

/** @param facts of the credential, where the call has one */
export type WriteGrant = (
  to: AttributeWriter,
  span: GrantSpan,
  call: KnownCall,
  facts: CredentialFacts | undefined,
  ids: DelegationIds,
) => void;

/** Attributes as bytes, a character each. */
interface KnownGrant extends Pick<DelegationIds, 'rootId' | 'parentId'> {
  readonly chain: DelegationChain;
  readonly both: string;
  /** Of the SERVER span alone. */
  readonly server: string;
}

export interface GrantOptions {
  readonly encode: (write: WriteAttributes) => AttributeBlock;
  readonly delegation: DelegationBlocks;
  /** user.hash or user.id of the subject, where it is a user. */
  readonly user: (to: AttributeWriter, call: KnownCall) => void;
}

/** @returns what writes all of them but `postern.delegation.id` */
export function createWriteGrant({ encode, delegation, user }: GrantOptions): WriteGrant {
  const grants = createRemembered<CredentialFacts, KnownGrant>('spans');

  function writeBoth(to: AttributeWriter, facts: CredentialFacts | undefined, chain: AttributeBlock): void {
    if (facts !== undefined) writeCredential(to, facts);
    to.block(chain);
  }

  function writeServer(to: AttributeWriter, call: KnownCall, facts: CredentialFacts | undefined): void {
    if (facts !== undefined) writeVerification(to, facts);
    user(to, call);
  }

  function remember(call: KnownCall, facts: CredentialFacts, ids: DelegationIds): KnownGrant {
    const text = (write: WriteAttributes) => encode(write).bytes.toString('latin1');
    // Before, not within: what encodes one thing at a time cannot encode another meanwhile.
    const chain = delegation(call, ids);
    const grant: KnownGrant = {
      chain: call.chain,
      rootId: ids.rootId,
      parentId: ids.parentId,
      both: text((to) => writeBoth(to, facts, chain)),
      server: text((to) => writeServer(to, call, facts)),
    };
    grants.set(facts, grant);
    return grant;
  }

  return (to, span, call, facts, ids) => {
    // Only those of an issued credential come again: of others they are made for each call.
    if (facts?.issuedIn === undefined) {
      writeBoth(to, facts, delegation(call, ids));
      if (span === 'server') writeServer(to, call, facts);
      return;
    }
    const known = grants.get(facts);
    const grant = known !== undefined && isSame(known, call, ids) ? known : remember(call, facts, ids);
    to.latin1(grant.both);
    if (span === 'server') to.latin1(grant.server);
  };
}

function isSame(known: KnownGrant, { chain }: KnownCall, { rootId, parentId }: DelegationIds): boolean {
  return known.chain === chain && known.rootId === rootId && known.parentId === parentId;
}

function writeCredential(to: AttributeWriter, { kind, idHash }: CredentialFacts): void {
  to.set('postern.credential.kind', kind);
  to.set('postern.token.id_hash', idHash);
}

function writeVerification(to: AttributeWriter, { verification: { mode, findings } }: CredentialFacts): void {
  to.set('postern.token.verification', mode);
  if (findings.length > 0) to.set('postern.token.verification.findings', boundedList(findings, maxListed, maxName));
}

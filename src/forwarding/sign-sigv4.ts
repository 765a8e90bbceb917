// AWS Signature Version 4 for forwarded calls: reads the keys of the credential and signs with them.
// Must never sign a request that the agent could have spelled in two ways: what cannot be read without doubt is refused.

import { awsKeysOf } from '../base/aws-keys.ts';
import { Refusal } from '../base/errors.ts';
import { signAws } from '../base/sigv4.ts';
import type { Placement } from '../credential.ts';
import type { SigningPorts, SignRequest } from './signing.ts';

type SigV4Placement = Extract<Placement, { kind: 'sigv4' }>;

/** @returns the signer of a placement, the same one for the same placement */
export function createSigV4({ clock }: SigningPorts): (placement: SigV4Placement) => SignRequest {
  const signers = new WeakMap<SigV4Placement, SignRequest>();

  return function signerOf(placement) {
    const known = signers.get(placement);
    if (known !== undefined) return known;
    const signer: SignRequest = async (request, secret) => {
      const keys = awsKeysOf(secret);
      if (keys === undefined) throw new Refusal('secret_unavailable', { detail: 'the credential is no AWS key' });
      try {
        return await signAws(request, keys, { ...placement, at: clock.now() });
      } catch (cause) {
        if (!(cause instanceof URIError)) throw cause;
        throw new Refusal('target_malformed', { detail: 'the query cannot be signed as it is', cause });
      }
    };
    signers.set(placement, signer);
    return signer;
  };
}

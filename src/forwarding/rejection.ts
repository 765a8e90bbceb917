// Whether an answer says that the upstream did not take the credential: 401 (RFC 9110 section 15.5.2), or what AWS answers in its place:
// 403, and 400 from its JSON services, with the kind of the error in a header ("Common errors", Bedrock, STS and DynamoDB API references).
// What the role may not do is AccessDeniedException, and for the agent to see.
// Must never let AWS's words on a bad signature reach the agent: they quote what was signed, the session token among it.

import type { RawHeaders } from '../call.ts';
import type { Placement } from '../credential.ts';

const errorType = 'x-amzn-errortype';

/** Its namespace, or the URI behind it, may come along (awsJson1.0, "Operation error serialization"). */
const namespace = '^(?:[A-Za-z0-9.]{1,128}#)?';
const keysRefused = new RegExp(
  `${namespace}(?:ExpiredToken(?:Exception)?|UnrecognizedClientException|InvalidClientTokenId)(?![A-Za-z])`,
);
const signatureRefused = new RegExp(
  `${namespace}(?:(?:Invalid|Incomplete)Signature(?:Exception)?|SignatureDoesNotMatch|MissingAuthenticationToken(?:Exception)?)(?![A-Za-z])`,
);

/**
 * `credential`: another one may do. `signature`: the keys are good and this request was not signed as AWS reads it. New keys would
 * sign it no better: an agent that finds such a request must not be able to have keys renewed with it, again and again.
 */
export type Rejection = 'credential' | 'signature';

/** @param lines header lines of the answer */
export function rejectionOf(status: number, lines: RawHeaders, { kind }: Placement): Rejection | undefined {
  if (kind === 'none') return undefined;
  if (status === 401) return 'credential';
  // A 400 is about the keys only where the call was signed with some.
  if (status !== 403 && !(status === 400 && kind === 'sigv4')) return undefined;
  const said = errorTypesOf(lines);
  if (said.some((one) => keysRefused.test(one))) return 'credential';
  if (!said.some((one) => signatureRefused.test(one))) return undefined;
  return kind === 'sigv4' ? 'signature' : 'credential';
}

function errorTypesOf(lines: RawHeaders): readonly string[] {
  const said: string[] = [];
  for (let i = 0; i < lines.length; i += 2) if (lines[i]?.toLowerCase() === errorType) said.push(lines[i + 1] ?? '');
  return said;
}

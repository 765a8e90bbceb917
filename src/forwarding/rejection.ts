// Whether a 403 says that the upstream did not take the credential, as 401 does elsewhere (RFC 9110 section 15.5.2): AWS tells the kind
// of an error in a header ("Common errors", Bedrock and STS API references). What the role may not do is AccessDeniedException,
// and for the agent to see.
// Must never let AWS's words on a bad signature reach the agent: they quote what was signed, the session token among it.

import type { RawHeaders } from '../call.ts';

const errorType = 'x-amzn-errortype';

const rejections =
  /^(?:ExpiredToken(?:Exception)?|UnrecognizedClientException|InvalidClientTokenId|(?:Invalid|Incomplete)Signature(?:Exception)?|SignatureDoesNotMatch|MissingAuthenticationToken(?:Exception)?)(?![A-Za-z])/;

/** @param lines header lines of a 403 */
export function isAwsRejection(lines: RawHeaders): boolean {
  for (let i = 0; i < lines.length; i += 2) {
    if (lines[i]?.toLowerCase() === errorType && rejections.test(lines[i + 1] ?? '')) return true;
  }
  return false;
}

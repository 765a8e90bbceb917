// A short-term Bedrock API key: a presigned URL of the action CallWithBearerToken, without its scheme, in base64. Nobody is
// asked for one: whoever has AWS keys makes it, and it can do what they can, at Bedrock, in one region
// (@aws/bedrock-token-generator 1.1.0, dist/token.js). It ends with the session that made it at the latest.

import type { AwsKeys } from '../base/aws-keys.ts';
import { Secret } from '../base/secret.ts';
import { presignAws } from '../base/sigv4.ts';

const host = 'bedrock.amazonaws.com';

/** Longest life AWS takes, in seconds: 12 hours. */
const longestLife = 43_200;

/**
 * @param lifetime seconds the session has left
 * @param at ms since the epoch
 */
export async function createBedrockKey(
  keys: AwsKeys,
  { region, lifetime, at }: { readonly region: string; readonly lifetime: number; readonly at: number },
): Promise<Secret> {
  const request = { method: 'POST', origin: `https://${host}`, path: '/?Action=CallWithBearerToken', headers: [] };
  const expiresIn = Math.max(1, Math.min(Math.floor(lifetime), longestLife));
  const scope = { service: 'bedrock', region, at, expiresIn };
  const query = await presignAws({ ...request, body: undefined }, keys, scope);
  const parameters = [...query].sort(([a], [b]) => (a < b ? -1 : 1)).map((pair) => pair.map(encoded).join('='));
  const url = `${host}/?${parameters.join('&')}&Version=1`;
  return new Secret(`bedrock-api-key-${Buffer.from(url).toString('base64')}`);
}

/** RFC 3986, as signatures want it: also `!'()*`. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}

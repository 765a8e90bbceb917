// The slot table, everything but headers (slots-headers.ts): query parameters, WebSocket subprotocols, and which of all
// slots SDKs put the caller's own token in. Data, no code. It must never shrink to fit one route.

/** Credential query parameters, in lower case without "-", "_" and other punctuation. */
export const credentialParameters: ReadonlySet<string> = new Set([
  'key',
  'apikey',
  'apitoken',
  'accesskey',
  'accesstoken',
  'oauthtoken',
  'idtoken',
  'refreshtoken',
  'sessiontoken',
  'securitytoken',
  'bearertoken',
  'authtoken',
  'token',
  'jwt',
  'auth',
  'authorization',
  'subscriptionkey',
  'faljwttoken',
  'xiapikey',
  'singleusetoken',
  'clientsecret',
  'clientassertion',
  'assertion',
  'password',
  'secret',
  'awsaccesskeyid',
  'signature',
  'code', // Azure Functions
  // Azure shared access signatures: the signature and what it signs.
  'sig',
  'se',
  'sp',
  'sv',
]);

/** Presigned AWS and Google requests (`X-Amz-Signature`, `X-Goog-Credential` ...), and every spelling of an API key. */
export const credentialParameterPattern = /^x(?:amz|goog)|apikey|(?:secret|password)$/;

/** Subprotocols that carry a credential after this beginning; `base64url` where the value is encoded. */
export const credentialSubprotocols: readonly { readonly prefix: string; readonly base64url: boolean }[] = [
  { prefix: 'openai-insecure-api-key.', base64url: false },
  { prefix: 'base64url.bearer.authorization.k8s.io.', base64url: true },
  { prefix: 'authorization.bearer.', base64url: false },
  { prefix: 'authorization.', base64url: false },
  { prefix: 'access-token.', base64url: false },
  { prefix: 'access_token.', base64url: false },
  { prefix: 'api-key.', base64url: false },
  { prefix: 'bearer.', base64url: false },
  { prefix: 'token.', base64url: false },
  { prefix: 'header-', base64url: true }, // AWS AppSync: a JSON object of headers
];

/** Subprotocols that choose an account: dropped, the credential decides that. */
export const accountSubprotocols: readonly string[] = ['openai-organization.', 'openai-project.'];

/** Subprotocols whose next neighbour is the credential (Deepgram: `token, <key>` and `bearer, <token>`). */
export const pairedSubprotocols: ReadonlySet<string> = new Set(['token', 'bearer']);

/**
 * Slots where SDKs put the key or token they were configured with: here, and only here, the caller's own identity token is
 * looked for. A credential in any other slot is removed and not judged ("not mine" is not "refused").
 */
export const sdkSlots: ReadonlySet<string> = new Set([
  'header:authorization',
  'header:x-api-key',
  'header:api-key',
  'header:x-goog-api-key',
  'header:xi-api-key',
  'header:x-chroma-token',
  'header:ocp-apim-subscription-key',
  'header:x-amz-security-token',
  'query:key',
  'query:apikey',
  'query:accesstoken',
  'query:authorization',
  'query:token',
  'query:subscriptionkey',
  'subprotocol:openai-insecure-api-key',
  'subprotocol:base64url.bearer.authorization.k8s.io',
  'subprotocol:authorization.bearer',
  'subprotocol:token',
  'subprotocol:bearer',
]);

/** Slot of the user's token when the caller presents its own as well. */
export const subjectSlot = 'header:postern-subject-token';

/** The only slot of a transaction token (draft-ietf-oauth-transaction-tokens): never Authorization. */
export const transactionSlot = 'header:txn-token';

/** A signature made with a key is no token and proves nobody here: SigV4 (AWS SDKs with dummy keys), RFC 7616 digest. */
export const signatureSchemes: ReadonlySet<string> = new Set([
  'aws4-hmac-sha256',
  'aws4-ecdsa-p256-sha256',
  'digest',
  'signature',
  'hmac',
]);

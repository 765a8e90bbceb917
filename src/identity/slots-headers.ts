// The slot table, headers: every name a credential may come under, and every name only the gate may set. Data, no code.
// Names are compared in lower case with "_" read as "-" (CGI, WSGI and nginx do not tell them apart).
// It must never shrink to fit one route: all slots of all APIs are emptied on every call (mcp-gateway-registry#1266).

/** Credential headers by exact name. The comment says who reads them where that is not plain. */
export const credentialHeaders: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'authentication',
  'x-authorization',
  'x-forwarded-authorization',
  'x-original-authorization',
  'x-serverless-authorization', // Google Cloud Run, before authorization
  'postern-subject-token',
  'x-api-key',
  'api-key',
  'apikey',
  'x-apikey',
  'x-key', // Black Forest Labs
  'x-goog-api-key',
  'x-goog-iam-authorization-token',
  'x-goog-iam-authority-selector',
  'x-goog-iap-jwt-assertion',
  'x-chroma-token',
  'xi-api-key',
  'ocp-apim-subscription-key',
  'x-auth-token',
  'x-access-token',
  'x-api-token',
  'x-session-token',
  'x-id-token',
  'x-csrf-token',
  'x-xsrf-token',
  'x-functions-key',
  'x-amzn-oidc-data',
  'x-amzn-oidc-accesstoken',
  'x-amzn-oidc-identity',
  'x-amz-security-token',
  'x-amz-date',
  'x-amz-content-sha256',
  'x-amz-credential',
  'x-amz-signature',
  'x-amz-region-set',
  'x-snowflake-authorization-token-type',
  'x-vault-token',
  'x-gitlab-token',
  'private-token',
  'job-token',
  'x-github-token',
  'helicone-auth',
  'oe-key', // EdgeOne
  'cf-aig-authorization',
  'cf-access-client-id',
  'cf-access-client-secret',
  'cf-access-token',
  'cf-access-jwt-assertion',
  'x-litellm-api-key',
  'dpop', // its htu names this gate, so it cannot be forwarded (RFC 9449)
  'txn-token', // must not leave the trust domain (draft-ietf-oauth-transaction-tokens)
  'workload-identity-token',
  'workload-proof-token',
  'signature', // RFC 9421: covers fields that are about to change
  'signature-input',
  'x-forwarded-client-cert',
  'x-spiffe-id',
  'client-cert', // RFC 9440
  'client-cert-chain',
  'cookie',
  'cookie2',
]);

/** Beginnings of credential header names: these vendors put keys and whole configurations under many names. */
export const credentialPrefixes: readonly string[] = ['x-portkey-', 'x-ms-token-', 'x-databricks-token', 'ocp-apim-'];

/** Credential headers by shape of name, for APIs nobody has listed yet and for SDKs' free `default_headers`. */
export const credentialPattern =
  /api-?key|(?:^|-)(?:access-?key|secret|secret-?key|private-?key|encryption-?key|token|auth|authorization|jwt|credentials?|password|passwd|assertion)$/;

/** A credential by its value, under a name nobody listed: SDKs let users put a key in any header. */
export const credentialValue =
  /^(?:(?:bearer|basic) +\S{16,}$|eyJ[\w-]{8,}\.eyJ[\w-]+\.|(?:sk-|sk_|gsk_|hf_|xox[abep]-|gh[opsu]_|github_pat_|glpat-|pplx-|xai-|r8_|AKIA|ASIA|AIza|ya29\.)[\w-]{12,})/i;

/** Harmless by exact name: some look like a credential and are none, the others are on every call and need no look. */
export const harmlessHeaders: ReadonlySet<string> = new Set([
  'idempotency-key',
  'x-idempotency-key',
  'anthropic-beta',
  'anthropic-version',
  'openai-beta',
  'mcp-method',
  'mcp-name',
  'mcp-protocol-version',
  'mcp-session-id', // needed by the upstream; routing binds it to the caller
  'sec-websocket-key', // a nonce of the handshake
  'sec-websocket-version',
  'sec-websocket-extensions',
  'accept',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'content-encoding',
  'content-length',
  'content-type',
  'last-event-id',
  'origin',
  'user-agent',
]);

/** Beginnings of harmless names. An MCP intermediary must forward `Mcp-Param-*` (MCP 2026-07-28, transports). */
export const harmlessPrefixes: readonly string[] = ['x-ratelimit-', 'mcp-param-', 'x-stainless-'];

/** Meant for the next hop only (RFC 9110 section 7.6.1, RFC 9113 section 8.2.2); forwarding writes its own. */
export const hopHeaders: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
]);

/** Names only the gate may set: what an agent writes there is neither believed nor passed on. */
export const gateHeaders: ReadonlySet<string> = new Set([
  'host',
  'expect', // answered here
  'forwarded',
  'via',
  'x-real-ip',
  'x-client-ip',
  'x-host',
  'true-client-ip',
  'cf-connecting-ip',
  'traceparent',
  'tracestate',
  'baggage',
  'b3',
  'referer', // may carry ?key=
  // They make the upstream see another path or method than the one policy saw.
  'x-original-url',
  'x-original-uri',
  'x-original-host',
  'x-rewrite-url',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  // They choose whose account, quota or cluster is used: the credential decides that.
  'openai-organization',
  'openai-project',
  'anthropic-workspace-id',
  'x-goog-user-project',
  'x-tenant-id',
  'x-langsmith-tenant',
  'x-fal-target-url', // sends the call, with the credential, to any host
  'x-weaviate-cluster-url',
]);

export const gatePrefixes: readonly string[] = ['x-forwarded-', 'postern-', 'x-b3-', 'x-ms-'];

/** Under a gate prefix and yet harmless: Azure clients want them back in their logs. */
export const gatePrefixExceptions: ReadonlySet<string> = new Set([
  'x-ms-client-request-id',
  'x-ms-return-client-request-id',
  'x-ms-useragent',
  'x-ms-version',
]);

/** Fields that say what the message is. `Connection` may not nominate them: policy and upstream would see two messages. */
export const notNominable = /^(?:content-|mcp-|host$|accept$|idempotency-key$)/;

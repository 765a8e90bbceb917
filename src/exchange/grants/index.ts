// Every grant there is. A new one is one file beside this one, exporting `type`, `asks`, `schema` and `create`, and one line
// here; cache, single flight, verification, records and refresh come with the broker. `chain` joins others by `compose`.

export * as anthropic from './anthropic.ts';
export * as aws_web_identity from './aws-web-identity.ts';
export * as chain from './chain.ts';
export * as client_credentials from './client-credentials.ts';
export * as databricks from './databricks.ts';
export * as entra_on_behalf_of from './entra-on-behalf-of.ts';
export * as entra_workload from './entra-workload.ts';
export * as google from './google.ts';
export * as huggingface from './huggingface.ts';
export * as jwt_bearer from './jwt-bearer.ts';
export * as openai from './openai.ts';
export * as openrouter from './openrouter.ts';
export * as static_secret from './static-secret.ts';
export * as token_exchange from './token-exchange.ts';

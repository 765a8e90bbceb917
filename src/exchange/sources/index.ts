// Every subject source there is. A new one is one file beside this one,
// exporting `source`, `schema` and `create`, and one line here; caching, records and life come with the broker.

export * as aws_web_identity_token from './aws-web-identity-token.ts';
export * as azure_imds from './azure-imds.ts';
export * as env from './env.ts';
export * as file from './file.ts';
export * as gcp_metadata from './gcp-metadata.ts';
export * as github_actions from './github-actions.ts';
export * as spiffe from './spiffe.ts';

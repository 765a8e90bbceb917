// Every grant there is. A new one is one file beside this one, exporting `type`, `schema` and `create`, and one line here;
// cache, single flight, verification, records and refresh come with the broker.

export * as client_credentials from './client-credentials.ts';
export * as static_secret from './static-secret.ts';
export * as token_exchange from './token-exchange.ts';

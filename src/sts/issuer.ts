// Starts the embedded issuer: a real RFC 8693 authorization server in this process, so that trying things out, the tests
// and the quickstart need nothing else. Listens on loopback only, unless told otherwise in as many words.
// Importing this file is cheap; the provider library is loaded when an issuer starts.

import type { Server } from 'node:http';
import { createServer } from '../base/node-http.ts';
import { type Clock, type Log, systemClock } from '../base/ports.ts';
import { createFront } from './front.ts';
import { paths } from './metadata.ts';
import { createMint, type Mint } from './mint.ts';
import { createMintHandler } from './mint-endpoint.ts';
import { createRevokedTokens } from './revoked.ts';
import { type EmbeddedIssuerConfig, parseListen, type StsListen } from './schema.ts';
import { loadSigningKey } from './signing-key.ts';
import { createTokens } from './tokens.ts';
import { createWhoamiHandler } from './whoami.ts';

/** Longest time a client may take to send its request, in milliseconds. Stops slow requests from holding sockets. */
const requestTimeout = 30_000;

export interface EmbeddedIssuer {
  /** Issuer identifier, with the real port where port 0 was asked for. */
  readonly issuer: string;
  readonly tokenEndpoint: string;
  readonly jwksUri: string;
  /** Mints any token, in process. */
  readonly mint: Mint;
  /** Stops listening and ends open connections. */
  close(): Promise<void>;
}

export interface EmbeddedIssuerOptions {
  readonly config: EmbeddedIssuerConfig;
  readonly clock?: Clock;
  readonly log: Log;
}

/** @throws the bind error (EADDRINUSE ...), or an Error that says what is wrong with the key file or the address. */
export async function startEmbeddedIssuer(options: EmbeddedIssuerOptions): Promise<EmbeddedIssuer> {
  const { config, clock = systemClock, log } = options;
  const address = addressOf(config);
  const [{ createProvider }, { createProofs }, key] = await Promise.all([
    import('./provider.ts'),
    import('./dpop.ts'),
    loadSigningKey(config.key_file),
  ]);

  const server = createServer({ requestTimeout });
  const bound = await listen(server, address);
  const issuer = config.issuer ?? bound;
  const revoked = createRevokedTokens(clock);
  const tokens = createTokens({ issuer, key, clock, revoked });
  const ttl = Math.floor(config.token_ttl / 1_000);
  const mint = createMint(tokens, ttl);
  try {
    const proofs = createProofs({ issuer, demandNonce: config.require_dpop_nonce, clock });
    const { checkProof } = proofs;
    const provider = createProvider({ issuer, config, key, tokens, revoked, checkProof, clock, log }).callback();
    const mintHandler = config.insecure_mint ? createMintHandler(mint, ttl) : undefined;
    const whoami = config.whoami ? createWhoamiHandler(tokens, proofs) : undefined;
    server.on('request', createFront({ issuer, provider, mint: mintHandler, whoami, log }));
  } catch (failure) {
    await close(server);
    throw failure;
  }

  if (!address.loopback) log.warn({ listen: config.listen }, 'embedded issuer listens off loopback in clear text');
  if (config.insecure_mint) log.warn({ issuer }, 'embedded issuer mints any token for any local process');
  log.info({ issuer, key: config.key_file === undefined ? 'made at start' : 'from file' }, 'embedded issuer listening');
  return {
    issuer,
    tokenEndpoint: `${issuer}${paths.token}`,
    jwksUri: `${issuer}${paths.jwks}`,
    mint,
    close: () => close(server),
  };
}

function addressOf(config: EmbeddedIssuerConfig): StsListen {
  const address = parseListen(config.listen);
  if (address !== undefined && (address.loopback || config.insecure_listen_anywhere)) return address;
  throw new Error('the embedded issuer listens on loopback only; insecure_listen_anywhere: true lifts this');
}

async function listen(server: Server, { host, port }: StsListen): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
  const bound = server.address();
  const real = typeof bound === 'object' && bound !== null ? bound.port : port;
  return `http://${host.includes(':') ? `[${host}]` : host}:${real}`;
}

async function close(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}

// Configuration of the embedded issuer: where it listens, who its clients are, which audiences it issues for.
// Only shapes and checks that need no I/O; the key file is read when the issuer starts.
// Must never let the issuer off loopback by accident: that takes `insecure_listen_anywhere`.

import { isIP } from 'node:net';
import * as z from 'zod';
import { configPath } from '../base/config-path.ts';
import { duration, httpUrl, scopeToken, secretValue } from '../base/scalars.ts';

/** `127.0.0.1:9191` or `[::1]:9191`: a literal address, since a name can be made to resolve elsewhere. */
const listenAddress = z
  .string()
  .regex(/^(\[[0-9a-fA-F:.]+\]|[0-9.]+):\d{1,5}$/, 'is not an address and port, such as 127.0.0.1:9191')
  .refine((text) => parseListen(text) !== undefined, 'is not an IP address and a port from 0 to 65535');

const audienceName = z
  .string()
  .regex(/^[\x21-\x7e]{1,512}$/, 'is not an audience (printable characters without spaces, 512 at most)');

const subjectName = z.string().regex(/^[\x21-\x7e]{1,512}$/, 'is not a subject (printable characters without spaces)');

/** A public JWK, as far as this file must know it; the issuer's library checks the rest when it loads the client. */
const publicKey = z
  .looseObject({ kty: z.enum(['EC', 'RSA', 'OKP']).describe('Key type.') })
  .refine((jwk) => !('d' in jwk), 'is a private key; only its public part belongs here');

const client = z
  .strictObject({
    id: z
      .string()
      .regex(/^[\x21-\x7e]{1,256}$/, 'is not a client id (printable characters without spaces)')
      .describe('client_id of this client.'),
    auth: z
      .enum(['client_secret_basic', 'client_secret_post', 'private_key_jwt'])
      .default('client_secret_basic')
      .describe('How the client proves itself at the token endpoint.'),
    secret: secretValue.optional().describe('Client secret, for the client_secret methods.'),
    jwks: z
      .strictObject({ keys: z.array(publicKey).min(1).max(16).describe('Public keys in JWK form.') })
      .optional()
      .describe('Public keys the client signs its assertions with, for private_key_jwt.'),
    may_exchange: z
      .boolean()
      .default(false)
      .describe('Whether the client may exchange tokens (RFC 8693): true for the gate, false for agents.'),
    sub: subjectName
      .optional()
      .describe("Subject of the client's own tokens (client_credentials), such as spiffe://demo/agent/planner."),
    scopes: z.array(scopeToken).default([]).describe('Scopes the client may ask for in its own tokens.'),
    audiences: z
      .array(audienceName)
      .min(1)
      .default(['postern'])
      .describe("Audiences of the client's own tokens; the first is used when a request names none."),
  })
  .superRefine((value, ctx) => {
    const signs = value.auth === 'private_key_jwt';
    if (signs && value.jwks === undefined) {
      ctx.addIssue({ code: 'custom', path: ['jwks'], message: 'is missing: private_key_jwt needs public keys' });
    }
    if (!signs && value.secret === undefined) {
      ctx.addIssue({ code: 'custom', path: ['secret'], message: `is missing: ${value.auth} needs a secret` });
    }
    if (signs && value.secret !== undefined) {
      ctx.addIssue({ code: 'custom', path: ['secret'], message: 'has no effect with private_key_jwt; remove it' });
    }
    if (!signs && value.jwks !== undefined) {
      ctx.addIssue({ code: 'custom', path: ['jwks'], message: `has no effect with ${value.auth}; remove it` });
    }
  });

const audience = z.strictObject({
  id: audienceName.describe('Audience (or resource) as it is asked for, such as https://api.openai.com or qdrant.'),
  scopes: z
    .array(scopeToken)
    .optional()
    .describe(
      'Scopes that exist at this audience, and no others; when absent, those the subject token carries (agents).',
    ),
  aws_session_tags: z
    .boolean()
    .default(false)
    .describe('Puts caller and subject into tokens for this audience as session tags of AWS (`sts.amazonaws.com`).'),
});

export const embeddedIssuerSchema = z
  .strictObject({
    listen: listenAddress.default('127.0.0.1:9191').describe('Address and port to listen on; loopback only.'),
    insecure_listen_anywhere: z
      .boolean()
      .default(false)
      .describe('Lets the issuer listen off loopback, in clear text; for closed test networks only.'),
    issuer: httpUrl
      // Asked of what is no URL, too: that is told by itself.
      .refine(
        (text) => !URL.canParse(text) || (new URL(text).pathname === '/' && !text.endsWith('/')),
        'has a path; write only scheme and host',
      )
      .optional()
      .describe('Issuer identifier; http:// and the listen address when absent.'),
    key_file: configPath
      .optional()
      .describe('File with the private signing key (JWK); a new key is made at each start when absent.'),
    token_ttl: duration
      .refine((ms) => ms >= 1_000, 'is shorter than a second')
      .prefault('5m')
      .describe('Lifetime of issued tokens; an exchanged one never outlives the tokens it was made from.'),
    clients: z.array(client).default([]).describe('Clients of the issuer: the gate and the agents.'),
    audiences: z.array(audience).default([]).describe('Audiences that tokens may be exchanged for.'),
    require_dpop_nonce: z
      .boolean()
      .default(false)
      .describe('Demands a nonce of its own in every DPoP proof (RFC 9449 section 8), as some issuers do.'),
    whoami: z
      .boolean()
      .default(false)
      .describe(
        'Serves GET /whoami: shows what a token for the audience `whoami` says, to see what an upstream receives.',
      ),
    insecure_mint: z
      .boolean()
      .default(false)
      .describe('Lets any local process mint any token (`postern token`); for trying things out only.'),
  })
  .superRefine((value, ctx) => {
    const address = parseListen(value.listen);
    if (address !== undefined && !address.loopback && !value.insecure_listen_anywhere) {
      ctx.addIssue({
        code: 'custom',
        path: ['listen'],
        message: 'is not loopback; use 127.0.0.1, or say insecure_listen_anywhere: true',
      });
    }
    if (address?.unspecified && value.issuer === undefined) {
      ctx.addIssue({ code: 'custom', path: ['issuer'], message: 'is missing: 0.0.0.0 is no name to be known by' });
    }
    reportRepeated(value.clients, 'clients', ctx);
    reportRepeated(value.audiences, 'audiences', ctx);
  });

export const stsSchema = z
  .strictObject({
    embedded: embeddedIssuerSchema.optional().describe('A real RFC 8693 issuer inside this process, on loopback.'),
  })
  .prefault({});

export type EmbeddedIssuerConfig = z.output<typeof embeddedIssuerSchema>;
export type StsClientConfig = EmbeddedIssuerConfig['clients'][number];

export interface StsListen {
  readonly host: string;
  readonly port: number;
  readonly loopback: boolean;
  /** 0.0.0.0 or [::]: every interface, and no address to call it by. */
  readonly unspecified: boolean;
}

/** `127.0.0.1:0` or `[::1]:9191`; undefined when it is not a literal address with a port. */
export function parseListen(text: string): StsListen | undefined {
  const split = text.lastIndexOf(':');
  const host = text.slice(0, split).replace(/^\[|\]$/g, '');
  const port = Number(text.slice(split + 1));
  if (isIP(host) === 0 || !(port >= 0 && port <= 65_535)) return undefined;
  const loopback = host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
  return { host, port, loopback, unspecified: host === '0.0.0.0' || host === '::' };
}

function reportRepeated(entries: readonly { id: string }[], name: string, ctx: z.RefinementCtx): void {
  const seen = new Set<string>();
  for (const [index, { id }] of entries.entries()) {
    if (seen.has(id)) ctx.addIssue({ code: 'custom', path: [name, index, 'id'], message: 'is there twice' });
    seen.add(id);
  }
}

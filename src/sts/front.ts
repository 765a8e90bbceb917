// What of the issuer can be reached from outside: these paths with these methods, and nothing else of what the provider
// library registers (its authorization endpoint above all). Also the mint endpoint, where it was asked for.
// Must never let the request's Host header reach the library, which would build URLs and accepted audiences from it.

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Log } from '../base/ports.ts';
import { paths } from './metadata.ts';
import { type MintHandler, mintPath } from './mint-endpoint.ts';
import { type WhoamiHandler, whoamiPath } from './whoami.ts';

const read = new Set(['GET', 'HEAD']);
const post = new Set(['POST']);

const methodsByPath: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  [paths.oauthMetadata, read],
  [paths.openidMetadata, read],
  [paths.jwks, read],
  [paths.token, post],
  [paths.introspection, post],
  [paths.revocation, post],
]);

export interface FrontOptions {
  readonly issuer: string;
  readonly provider: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  /** undefined: there is no mint endpoint. */
  readonly mint: MintHandler | undefined;
  /** undefined: there is no /whoami. */
  readonly whoami: WhoamiHandler | undefined;
  readonly log: Log;
}

export function createFront({ issuer, provider, mint, whoami, log }: FrontOptions): RequestListener {
  const { host } = new URL(issuer);

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const [path = ''] = (request.url ?? '').split('?', 1);
    if (path === mintPath && mint !== undefined) return mint(request, response);
    if (path === whoamiPath && whoami !== undefined) return whoami(request, response);
    const methods = methodsByPath.get(path);
    if (methods === undefined) return refuse(response, 404, 'not_found');
    if (!methods.has(request.method ?? '')) return refuse(response, 405, 'method_not_allowed');
    request.headers.host = host;
    return provider(request, response);
  };

  return (request, response) => {
    handle(request, response).catch((failure: unknown) => {
      log.error({ failure: failure instanceof Error ? failure.name : typeof failure }, 'embedded issuer failed');
      if (response.headersSent) response.destroy();
      else refuse(response, 500, 'server_error');
    });
  };
}

function refuse(response: ServerResponse, status: number, error: string): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ error }));
}

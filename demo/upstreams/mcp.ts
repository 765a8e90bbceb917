// A demo MCP server: the real @modelcontextprotocol/server-everything over streamable HTTP, in a process of its own, behind
// a small front that checks the token as the MCP authorization specification asks (audience, scope, 401 with a
// WWW-Authenticate that names the metadata), then passes requests on without it. Scope: `tools.call`.

import { type ChildProcess, spawn } from 'node:child_process';
import { request as httpRequest, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';
import { createRecorder, pathOf, type TokenProblem } from './facts.ts';
import { listenOnLoopback, sendJson, type Upstream } from './serve.ts';
import { bearerOf, createVerifier, type VerifierOptions } from './verify.ts';

const scope = 'tools.call';
const endpoint = '/mcp';
const metadataPath = '/.well-known/oauth-protected-resource';

export async function startMcp(options: VerifierOptions): Promise<Upstream> {
  const verify = createVerifier(options);
  const recorder = createRecorder();
  const server = await startEverything();
  const inner = { host: '127.0.0.1', port: server.port };

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const self = `http://${request.headers.host ?? ''}`;
    if (pathOf(request).startsWith(metadataPath)) {
      const metadata = {
        resource: options.audience,
        authorization_servers: [options.issuer],
        scopes_supported: [scope],
      };
      return sendJson(response, 200, metadata);
    }
    if (pathOf(request) !== endpoint) return sendJson(response, 404, { error: 'not_found' });
    const { hop, problem } = await verify(bearerOf(request.headers.authorization), scope);
    recorder.record(request, problem ?? 'accepted', hop);
    if (problem === undefined) passOn(request, response, inner);
    else refuse(response, problem, `${self}${metadataPath}`);
  };
  const listener: RequestListener = (request, response) => {
    handle(request, response).catch(() => response.destroy());
  };

  const front = await listenOnLoopback(listener);
  return {
    url: front.url,
    received: recorder.received,
    async close() {
      await front.close();
      await server.stop();
    },
  };
}

/** RFC 6750 section 3.1, RFC 9728 section 5.1. */
function refuse(response: ServerResponse, problem: TokenProblem, metadata: string): void {
  const error = problem === 'insufficient_scope' ? 'insufficient_scope' : 'invalid_token';
  const said = problem === 'missing' ? '' : `error="${error}", error_description="demo: ${problem}", `;
  const challenge = `Bearer ${said}scope="${scope}", resource_metadata="${metadata}"`;
  sendJson(response, error === 'insufficient_scope' ? 403 : 401, { error }, { 'www-authenticate': challenge });
}

function passOn(request: IncomingMessage, response: ServerResponse, inner: { host: string; port: number }): void {
  const { authorization: _kept, ...headers } = request.headers;
  const outgoing = httpRequest({ ...inner, path: endpoint, method: request.method, headers }, (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  outgoing.on('error', () => response.destroy());
  response.on('close', () => outgoing.destroy());
  request.pipe(outgoing);
}

interface Everything {
  readonly port: number;
  stop(): Promise<void>;
}

async function startEverything(): Promise<Everything> {
  const program = fileURLToPath(import.meta.resolve('@modelcontextprotocol/server-everything/dist/index.js'));
  const child = spawn(
    process.execPath,
    ['--import', new URL('keep-on-loopback.ts', import.meta.url).href, program, 'streamableHttp'],
    {
      // One of its tools tells its whole environment: it gets none of ours.
      env: {},
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    },
  );
  return { port: await portOf(child), stop: () => stop(child) };
}

function portOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`the MCP server ended at start (exit ${code})`)));
    child.once('message', (message) => {
      if (typeof message === 'object' && 'port' in message) resolve(Number(message.port));
      else reject(new Error('the MCP server did not tell its port'));
    });
  });
}

function stop(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}

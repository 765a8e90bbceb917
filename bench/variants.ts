// The proxies compared: the floor, Postern with everything on at three sampling ratios, and others where they are installed
// (BENCH_PEERS names the folder that holds their node_modules; nginx is taken from the path).

import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type PosternOptions, posternConfig } from './config.ts';
import { proxyCore, type Running, startProgram, startScript } from './processes.ts';
import { freePort, type World } from './world.ts';

export interface Variant extends Running {
  readonly name: string;
  readonly url: string;
  /** Address of Postern's admin listener. */
  readonly admin: string | undefined;
  /** Headers only this proxy needs. */
  readonly headers: Readonly<Record<string, string>>;
  /** Path of the chat completion at this proxy. */
  readonly chat: string;
}

export interface PosternVariant extends Variant {
  /** From the start of the process to ready, in milliseconds. */
  readonly readyMs: number;
}

export type StartVariant = (world: World) => Promise<Variant>;

const chat = '/openai/v1/chat/completions';

/** Flags of node for the proxies measured, for trying things out. */
const flags = process.env['BENCH_NODE_FLAGS']?.split(' ') ?? [];

export const floor: StartVariant = floorWith(flags);

/** @param nodes flags of node */
export function floorWith(nodes: readonly string[]): StartVariant {
  return async (world) => {
    const job = { mounts: world.mounts, ca: world.ca };
    const running = await startScript('floor.ts', job, { core: proxyCore, flags: nodes });
    const url = `http://127.0.0.1:${String(running.facts['port'])}`;
    return { ...running, name: 'floor', url, admin: undefined, headers: {}, chat };
  };
}

/** The command line of the gate from this checkout: unbuilt, or built where `dist` says so. */
const entry = (built: boolean) => fileURLToPath(new URL(built ? '../dist/cli.js' : '../src/cli.ts', import.meta.url));

export function postern(
  name: string,
  options: PosternOptions & { built?: boolean; flags?: readonly string[]; core?: 'any' },
): (world: World) => Promise<PosternVariant> {
  return async (world) => {
    const [port, adminPort] = [await freePort(), await freePort()];
    const file = join(world.folder, `${name.replaceAll(/[^a-z0-9]+/gi, '-')}.yaml`);
    writeFileSync(file, posternConfig(world, { port, adminPort }, options));

    const command = [
      process.execPath,
      ...(options.flags ?? flags),
      entry(options.built ?? false),
      'serve',
      '--config',
      file,
      '--no-watch',
      '--log-level',
      'error',
    ];
    const began = performance.now();
    const running = startProgram(command, { core: options.core ?? proxyCore, env: { OTEL_SDK_DISABLED: '' } });
    const admin = `http://127.0.0.1:${adminPort}`;
    await untilReady(admin);
    const readyMs = performance.now() - began;
    return { ...running, readyMs, name, url: `http://127.0.0.1:${port}`, admin, headers: {}, chat };
  };
}

export async function untilReady(admin: string, everyMs = 5): Promise<void> {
  for (let tries = 0; tries < 30_000 / everyMs; tries += 1) {
    const ready = await fetch(`${admin}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (ready) return;
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
  throw new Error('postern did not become ready');
}

/** Those of the peers that are installed. */
export function installedPeers(): readonly StartVariant[] {
  const folder = process.env['BENCH_PEERS'];
  const has = (name: string) => folder !== undefined && existsSync(join(folder, 'node_modules', name));
  const found: StartVariant[] = [];
  if (has('@fastify/http-proxy')) found.push(peer('@fastify/http-proxy', 'peers/fastify.ts', folder));
  if (has('http-proxy-3')) found.push(peer('http-proxy-3', 'peers/http-proxy-3.ts', folder));
  if (folder !== undefined && has('@portkey-ai/gateway')) found.push(portkey(folder));
  if (spawnSync('nginx', ['-v']).status === 0) found.push(nginx);
  return found;
}

function peer(name: string, file: string, peers: string | undefined): StartVariant {
  return async (world) => {
    const running = await startScript(file, { mounts: world.mounts, peers }, { core: proxyCore });
    const url = `http://127.0.0.1:${String(running.facts['port'])}`;
    return { ...running, name, url, admin: undefined, headers: {}, chat };
  };
}

function portkey(folder: string): StartVariant {
  return async (world) => {
    const port = await freePort();
    const script = join(folder, 'node_modules/@portkey-ai/gateway/build/start-server.js');
    const running = startProgram([process.execPath, script, `--port=${port}`, '--headless'], {
      core: proxyCore,
      env: { TRUSTED_CUSTOM_HOSTS: 'localhost,127.0.0.1' },
    });
    const origin = world.mounts.find(({ path }) => path === '/openai')?.origin ?? '';
    await listening(port);
    return {
      ...running,
      name: '@portkey-ai/gateway',
      url: `http://127.0.0.1:${port}`,
      admin: undefined,
      headers: { 'x-portkey-provider': 'openai', 'x-portkey-custom-host': `${origin}/v1` },
      chat: '/v1/chat/completions',
    };
  };
}

const nginx: StartVariant = async (world) => {
  const port = await freePort();
  const origin = world.mounts.find(({ path }) => path === '/openai')?.origin ?? '';
  const file = join(world.folder, 'nginx.conf');
  writeFileSync(
    file,
    `worker_processes 1; daemon off; error_log /dev/null; pid ${world.folder}/nginx.pid;
events { worker_connections 4096; }
http {
  access_log off; client_body_buffer_size 1m; client_max_body_size 128m;
  client_body_temp_path ${world.folder}/nb; proxy_temp_path ${world.folder}/np; fastcgi_temp_path ${world.folder}/nf;
  uwsgi_temp_path ${world.folder}/nu; scgi_temp_path ${world.folder}/ns; keepalive_requests 1000000;
  upstream small { server ${new URL(origin).host}; keepalive 256; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port};
    location /openai/ { proxy_pass http://small/; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}`,
  );
  const running = startProgram(['nginx', '-p', world.folder, '-c', file, '-e', '/dev/null'], { core: proxyCore });
  await listening(port);
  return { ...running, name: 'nginx', url: `http://127.0.0.1:${port}`, admin: undefined, headers: {}, chat };
};

async function listening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const answered = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
    if (answered) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing listens on ${port}`);
}

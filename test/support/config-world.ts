// A valid configuration as text, loaded from memory. A story replaces one part of the text and reads what is said of it.

import { ConfigError, type LoadedConfig, loadConfig } from '../../src/config/load.ts';
import { rejection } from './rejection.ts';

export const validConfig = `version: 1
trust:
  - name: corp
    issuer: https://idp.example.com
    audiences: [postern]
    principal: workload
exchanges:
  corp:
    grant: token_exchange
    issuer: https://idp.example.com
    client: { id: postern, auth: client_secret_basic, secret: \${env:CLIENT_SECRET} }
routes:
  - preset: openai
    exchange: corp
    scopes: [model.invoke]
    allow:
      - id: small-models
        when: request.model.like("gpt-*-mini")
`;

export interface Files {
  readonly [path: string]: string | undefined;
}

/** Loads the text as /etc/postern/postern.yaml, among the files given. */
export async function load(
  text: string,
  files: Files = {},
  inspect?: (loaded: LoadedConfig) => Promise<void>,
): Promise<LoadedConfig> {
  const world: Files = { ...files, '/etc/postern/postern.yaml': text };
  return loadConfig({
    file: '/etc/postern/postern.yaml',
    env: { CLIENT_SECRET: 'hush-hush' },
    ...(inspect && { inspect }),
    async readFile(path, maxBytes) {
      const found = world[path];
      if (found === undefined) throw Object.assign(new Error('no such file'), { code: 'ENOENT' });
      if (Buffer.byteLength(found) > maxBytes) throw Object.assign(new Error('too large'), { code: 'EFBIG' });
      return found;
    },
  });
}

/** The lines of the problems found in the text, without the name of the file. */
export async function problemsIn(
  text: string,
  files: Files = {},
  inspect?: (loaded: LoadedConfig) => Promise<void>,
): Promise<readonly string[]> {
  const failure = await rejection(load(text, files, inspect));
  if (!(failure instanceof ConfigError)) throw failure;
  return failure.message.split('\n').map((line) => line.replace('/etc/postern/postern.yaml:', ''));
}

/** The valid configuration with one part of its text replaced. */
export function changed(part: string, replacement: string): string {
  if (!validConfig.includes(part)) throw new Error(`the valid configuration has no ${part}`);
  return validConfig.replace(part, () => replacement);
}

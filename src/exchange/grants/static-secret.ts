// A standing secret, for upstreams that can do no better: an API key in the configuration or in a file that is rotated.
// It never reaches the agent, but it is standing privilege all the same; who called is told by the audit record alone.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { configPath } from '../../base/config-path.ts';
import { Refusal } from '../../base/errors.ts';
import { secretValue } from '../../base/scalars.ts';
import type { Secret } from '../../base/secret.ts';
import type { Grant, GrantPorts, RouteAsk } from '../grant.ts';
import { isPlaceable } from '../placement.ts';
import { createSecretFile, unavailable } from '../secret-file.ts';

export const type = 'static_secret';
export const asks: readonly RouteAsk[] = [];

export const schema = z
  .strictObject({
    grant: z.literal(type).describe('A standing secret, such as an API key.'),
    value: secretValue.optional().describe('The secret itself; changes with a reload of the configuration.'),
    file: configPath
      .optional()
      .describe('File that holds the secret; read again when it changes, so that keys rotate without a restart.'),
    directory: configPath
      .optional()
      .describe(
        'Folder that holds one file for each route, named like the route: a Secret as Kubernetes mounts it, or what a Vault agent writes. Read again as `file` is.',
      ),
  })
  .refine((given) => [given.value, given.file, given.directory].filter((one) => one !== undefined).length === 1, {
    message: 'must have exactly one of `value`, `file` and `directory`',
  });

export type Options = z.output<typeof schema>;

export function create(options: Options, ports: GrantPorts): Grant {
  const { read, look } = openSecrets(options, ports);
  return {
    type,
    kind: 'static',
    issuer: undefined,
    endpoint: options.file ?? options.directory ?? 'configuration',
    clientId: undefined,
    verifies: false,
    plan: () => [],
    async obtain({ route }, { again }) {
      const token = await read(again, route);
      return { token, issuedTokenType: undefined, isAccessToken: true, expiresIn: undefined, scopes: undefined };
    },
    prepare: look,
  };
}

/** @param route id of the route the secret is for */
type Read = (again: boolean, route: string) => Promise<Secret>;

interface Secrets {
  readonly read: Read;
  /** Whether they are there at all. Throws a Refusal. */
  look(): Promise<void>;
}

function openSecrets({ value, file, directory }: Options, ports: GrantPorts): Secrets {
  if (directory !== undefined) return { read: fromDirectory(directory, ports), look: () => lookAt(directory) };
  const read = file === undefined ? fromValue(value, ports) : fromFile(file, ports);
  return {
    read: (again) => read(again),
    async look() {
      await read(false);
    },
  };
}

function fromValue(value: Secret | undefined, { report }: GrantPorts): (again: boolean) => Promise<Secret> {
  if (value !== undefined && isPlaceable(value)) return async () => value;
  report({
    path: ['value'],
    what: 'holds characters that no header can carry, or is longer than 16 KiB',
    mend: 'give the secret on one line, in visible ASCII',
  });
  return async () => Promise.reject(new Refusal('secret_unavailable'));
}

/** Names of routes are names of files: they hold no slash and begin with a letter (base/scalars.ts). */
function fromDirectory(directory: string, ports: GrantPorts): Read {
  // As many as the configuration has routes.
  const files = new Map<string, (again: boolean) => Promise<Secret>>();
  return (again, route) => {
    const read = files.get(route) ?? fromFile(join(directory, route), ports);
    files.set(route, read);
    return read(again);
  };
}

async function lookAt(directory: string): Promise<void> {
  const found = await stat(directory).catch((cause: unknown) => {
    throw unavailable(directory, 'cannot be read', cause);
  });
  if (!found.isDirectory()) throw unavailable(directory, 'is no folder');
}

function fromFile(path: string, { clock }: GrantPorts): (again: boolean) => Promise<Secret> {
  const file = createSecretFile(path, clock);
  return async (again) => {
    const secret = await file.read(again);
    if (!isPlaceable(secret)) throw new Refusal('secret_unavailable', { detail: `${path} is longer than 16 KiB` });
    return secret;
  };
}

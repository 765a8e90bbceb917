// A standing secret, for upstreams that can do no better: an API key in the configuration or in a file that is rotated.
// It never reaches the agent, but it is standing privilege all the same; who called is told by the audit record alone.

import { z } from 'zod';
import { configPath } from '../../base/config-path.ts';
import { Refusal } from '../../base/errors.ts';
import { secretValue } from '../../base/scalars.ts';
import type { Secret } from '../../base/secret.ts';
import type { Grant, GrantPorts, RouteAsk } from '../grant.ts';
import { isPlaceable } from '../placement.ts';
import { createSecretFile } from '../secret-file.ts';

export const type = 'static_secret';
export const asks: readonly RouteAsk[] = [];

export const schema = z
  .strictObject({
    grant: z.literal(type).describe('A standing secret, such as an API key.'),
    value: secretValue.optional().describe('The secret itself; changes with a reload of the configuration.'),
    file: configPath
      .optional()
      .describe('File that holds the secret; read again when it changes, so that keys rotate without a restart.'),
  })
  .refine(({ value, file }) => (value === undefined) !== (file === undefined), {
    message: 'must have exactly one of `value` and `file`',
  });

export type Options = z.output<typeof schema>;

export function create(options: Options, ports: GrantPorts): Grant {
  const read = options.file === undefined ? fromValue(options.value, ports) : fromFile(options.file, ports);
  return {
    type,
    kind: 'static',
    issuer: undefined,
    endpoint: options.file === undefined ? 'configuration' : options.file,
    clientId: undefined,
    verifies: false,
    plan: () => [],
    async obtain(_hop, { again }) {
      const token = await read(again);
      return { token, issuedTokenType: undefined, isAccessToken: true, expiresIn: undefined, scopes: undefined };
    },
    async prepare() {
      await read(false);
    },
  };
}

type Read = (again: boolean) => Promise<Secret>;

function fromValue(value: Secret | undefined, { report }: GrantPorts): Read {
  if (value !== undefined && isPlaceable(value)) return async () => value;
  report({
    path: ['value'],
    what: 'holds characters that no header can carry, or is longer than 16 KiB',
    mend: 'give the secret on one line, in visible ASCII',
  });
  return async () => Promise.reject(new Refusal('secret_unavailable'));
}

function fromFile(path: string, { clock }: GrantPorts): Read {
  const file = createSecretFile(path, clock);
  return async (again) => {
    const secret = await file.read(again);
    if (!isPlaceable(secret)) throw new Refusal('secret_unavailable', { detail: `${path} is longer than 16 KiB` });
    return secret;
  };
}

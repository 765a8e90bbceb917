// An AWS account as STS and Bedrock see it: role sessions with their keys, their policy and their tags, and what a session
// may do. Keys are long enough to be found where they must not be, and made of a counter, so that tests repeat.

import { createHash } from 'node:crypto';
import type { JWTPayload } from 'jose';
import type { Signer } from './aws-sigv4.ts';

export const awsAccount = '123456789012';
export const awsRole = `arn:aws:iam::${awsAccount}:role/agents`;
export const awsRegion = 'eu-central-1';

export interface RoleSession extends Signer {
  readonly accessKeyId: string;
  readonly arn: string;
  readonly claims: JWTPayload;
  readonly tags: Readonly<Record<string, string>>;
  readonly sourceIdentity: string | undefined;
  readonly policy: Policy | undefined;
}

interface Statement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action?: string | readonly string[];
  readonly NotAction?: string | readonly string[];
  readonly Resource?: string | readonly string[];
  readonly NotResource?: string | readonly string[];
}

export interface Policy {
  readonly Statement: Statement | readonly Statement[];
}

export interface AwsAccount {
  readonly sessions: ReadonlyMap<string, RoleSession>;
  open(session: Omit<RoleSession, 'accessKeyId' | 'secretAccessKey' | 'sessionToken'>): RoleSession;
  /** Ends all sessions, as an administrator's "revoke active sessions" would. */
  revoke(): void;
}

export function createAwsAccount(): AwsAccount {
  const sessions = new Map<string, RoleSession>();
  let opened = 0;
  return {
    sessions,
    open(facts) {
      opened += 1;
      const made = (what: string) => createHash('sha512').update(`${what} ${opened}`).digest('base64');
      const session = {
        ...facts,
        accessKeyId: `ASIA${made('id')
          .replace(/[^A-Z0-9]/g, 'X')
          .slice(0, 16)}`,
        secretAccessKey: made('secret').slice(0, 40),
        sessionToken: `IQoJb3JpZ2luX2VjE${made('token')}${made('more')}=`,
      };
      sessions.set(session.accessKeyId, session);
      return session;
    },
    revoke: () => sessions.clear(),
  };
}

/** Session policies as IAM reads them: allowed by some statement, denied by none; the role itself may do everything. */
export function mayDo(policy: Policy | undefined, action: string, resource: string): boolean {
  if (policy === undefined) return true;
  const statements = [policy.Statement].flat();
  const matching = statements.filter((one) => covers(one, action, resource));
  return matching.some(({ Effect }) => Effect === 'Allow') && !matching.some(({ Effect }) => Effect === 'Deny');
}

function covers({ Action, NotAction, Resource, NotResource }: Statement, action: string, resource: string): boolean {
  const acts = NotAction === undefined ? matches(Action, action) : !matches(NotAction, action);
  return acts && (NotResource === undefined ? matches(Resource, resource) : !matches(NotResource, resource));
}

function matches(patterns: string | readonly string[] = [], value: string): boolean {
  return [patterns].flat().some((pattern) => {
    const source = pattern.split('*').map((part) => part.replace(/[.+?^${}()|[\]\\]/g, String.raw`\$&`));
    return new RegExp(`^${source.join('.*')}$`).test(value);
  });
}

// What the suite must know of an issuer, whichever it is: who it is, how the gate is its client, where tokens come from.

import type { AgentName } from '../../scripts/interop/realm.ts';

export type Document = { readonly [name: string]: unknown };

/** Ways the gate proves itself to an issuer. */
export const clientMethods = ['client_secret_basic', 'client_secret_post', 'private_key_jwt'] as const;
export type ClientMethod = (typeof clientMethods)[number];

export interface UserToken {
  readonly token: string;
  /** Ends the user's session, or revokes this token where the issuer has no sessions. */
  revoke(): Promise<void>;
}

/** Sign-ins of alice: planner may act for her; nobody may; for {@link shortLife} seconds only. */
export type SignIn = 'for-planner' | 'for-nobody' | 'short-lived';

export interface InteropIssuer {
  readonly issuer: string;
  readonly jwksUri: string;
  /** `audiences` of the trust entry: the gate's name, and the agents' that are called through it. */
  readonly audiences: readonly string[];
  /** Tells its workload tokens from users'. */
  readonly workloadWhen: string;
  /** `sub` of alice, and of each agent. */
  readonly alice: string;
  readonly agents: Readonly<Record<AgentName, string>>;
  /** Audience that stands for the researcher agent, and the scopes it takes to get it. */
  readonly researcher: { readonly audience: string; readonly scopes: readonly string[] };
  /** The `client` section of the gate's exchange. */
  client(method: ClientMethod): Document;
  /** An agent's own token. @param gate client id of the gate that is to take it; `postern` when absent */
  agent(name: AgentName, gate?: string): Promise<string>;
  user(signIn?: SignIn): Promise<UserToken>;
}

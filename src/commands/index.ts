// The commands there are, with one line each. Loaded on demand, so that `postern --help` is instant and `serve` does not
// pay for what it does not use.

import { startSmall } from '../base/small-start.ts';

export interface Command {
  /** Text of `--help`. */
  readonly usage: string;
  /** Runs with the arguments after the command's name; resolves to the exit code. */
  run(args: string[]): Promise<number>;
}

export interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

export const commands: readonly CommandEntry[] = [
  { name: 'serve', summary: 'run the gate', load: loadServe },
  {
    name: 'check',
    summary: 'validate a configuration; --online also probes issuers',
    load: () => import('./check.ts'),
  },
  {
    name: 'explain',
    summary: 'say what would happen to a request, and why, without making it',
    load: () => import('./explain.ts'),
  },
  { name: 'routes', summary: 'list the routes and what an agent has to set', load: () => import('./routes.ts') },
  {
    name: 'audit',
    summary: 'verify, show and follow audit logs',
    load: () => import('./audit.ts'),
  },
  { name: 'revoke', summary: 'take access away at once, list it, lift it', load: () => import('./revoke.ts') },
  { name: 'schema', summary: 'print the JSON Schema of the configuration', load: () => import('./schema.ts') },
  { name: 'sts', summary: 'run only the embedded issuer', load: () => import('./sts.ts') },
  {
    name: 'token',
    summary: 'mint a token at the embedded issuer, for trying things out',
    load: () => import('./token.ts'),
  },
  { name: 'demo', summary: 'run the whole story: user, agents, tools, one trace', load: () => import('./demo.ts') },
];

/** Most of what a start leaves behind comes of loading code. Ended by the command, once the gate is ready. */
function loadServe(): Promise<Command> {
  startSmall(process.versions.v8);
  return import('./serve.ts');
}

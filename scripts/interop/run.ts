// The interop suite: the same gate against the embedded issuer and a real Keycloak, with and without its delegation feature.
// `node scripts/interop/run.ts [name ...]` runs all, or the named ones. What cannot run here is told as `skipped: ...`.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { obtainKeycloak } from './distribution.ts';
import { type Keycloak, startKeycloak } from './keycloak.ts';

interface Suite {
  readonly name: string;
  /** Of Keycloak, besides its defaults; undefined for a suite that needs no Keycloak. */
  readonly features: readonly string[] | undefined;
}

const suites: readonly Suite[] = [
  { name: 'embedded', features: undefined },
  { name: 'keycloak', features: [] },
  { name: 'keycloak-delegation', features: ['token-exchange-delegation', 'parameterized-scopes'] },
];

const root = join(import.meta.dirname, '../..');

/** What has to end before this process may: the tests, then the server they use. */
const running: { tests?: ChildProcess | undefined; server?: Keycloak | undefined } = {};

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    running.tests?.kill();
    await running.server?.stop();
    process.exit(130);
  });
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !suites.some((suite) => suite.name === name));
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(' ')}; there are ${suites.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
for (const suite of suites) {
  if (wanted.length > 0 && !wanted.includes(suite.name)) continue;
  if (!(await passes(suite))) process.exitCode = 1;
}

async function passes({ name, features }: Suite): Promise<boolean> {
  if (features === undefined) return tap(name, {});
  const distribution = await obtainKeycloak(name);
  if ('skipped' in distribution) {
    console.log(`skipped: ${name}: ${distribution.skipped}`);
    return true;
  }
  console.log(`${name}: starting Keycloak (its first start takes minutes)`);
  const keycloak = await startKeycloak({ ...distribution, features });
  running.server = keycloak;
  try {
    console.log(`${name}: Keycloak ${keycloak.version} at ${keycloak.url}`);
    return await tap(name, { INTEROP_KEYCLOAK: keycloak.url, INTEROP_KEYCLOAK_ADMIN: keycloak.adminPassword });
  } finally {
    await keycloak.stop();
    running.server = undefined;
  }
}

async function tap(name: string, env: Record<string, string>): Promise<boolean> {
  const run = spawn('tap', [`test/interop/${name}.interop.ts`], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, ...env, PATH: `${join(root, 'node_modules/.bin')}:${process.env['PATH']}` },
  });
  running.tests = run;
  const [code] = await once(run, 'exit');
  return code === 0;
}

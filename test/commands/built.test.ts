// What the package and the image run: the built form, made anew from this source, carries a call, starts the parts that stay in
// files of their own (issuer, worker threads, commands), and names what is in it.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type Test, test } from 'tap';
import { quickstart, run, start } from '../support/e2e-command.ts';

const root = join(import.meta.dirname, '../..');

/** In the checkout, since the built code finds its presets above itself. */
function folderFor(t: Test): string {
  const folder = mkdtempSync(join(root, '.tap', 'built-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Text of a built file and of all that is loaded with it at once. */
function codeOf(folder: string, file: string, seen = new Set<string>()): string {
  if (seen.has(file)) return '';
  seen.add(file);
  const text = readFileSync(join(folder, file), 'utf8');
  const beside = text.matchAll(/^(?:import|\} from) "\.\/(.+?)";$/gm);
  return text + [...beside].map(([, next = '']) => codeOf(folder, next, seen)).join('');
}

test('the built gate', async (t) => {
  const folder = folderFor(t);
  const building = run(t, ['--out', join('.tap', basename(folder))], { program: join(root, 'scripts/build.ts') });
  t.match(await building, { code: 0 });
  const built = { program: join(folder, 'cli.js') };

  await t.test('knows its version and its presets', async (t) => {
    const { stdout } = await run(t, ['--version'], built);
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    t.equal(stdout.trim(), version);
  });

  await t.test('names what is in it', (t) => {
    const notices = readFileSync(join(folder, 'THIRD-PARTY.txt'), 'utf8');
    for (const name of ['undici', 'zod', 'jose', '@opentelemetry/sdk-metrics']) {
      t.match(notices, new RegExp(`^==== ${name} \\d`, 'm'));
    }
    t.notMatch(notices, /^==== oidc-provider/m, 'stays apart: most gates never load it');
    t.end();
  });

  await t.test('loads what a gate needs, and nothing else', (t) => {
    const serve = readdirSync(folder).find((file) => /^serve-\w+\.js$/.test(file)) ?? '';
    const loaded = codeOf(folder, serve);
    t.match(loaded, /^\/\/ src\/base\/http1\/pool\.ts$/m);
    t.notMatch(loaded, /^\/\/ .*undici\//m, 'no HTTP/2');
    t.notMatch(loaded, /^import .*"oidc-provider"|^\/\/ src\/sts\/provider\.ts$/m, 'no issuer');
    const http2 = readdirSync(folder).find((file) => /^over-http2-\w+\.js$/.test(file)) ?? '';
    t.match(codeOf(folder, http2), /^\/\/ .*undici\/lib\/dispatcher\/pool\.js$/m);
    t.notMatch(codeOf(folder, http2), /^\/\/ .*undici\/index\.js$/m, 'only the parts of undici that are used');
    t.end();
  });

  await t.test('carries a call, in a worker thread, with a token of the embedded issuer', async (t) => {
    const { file } = await quickstart(t);
    writeFileSync(file, `${readFileSync(file, 'utf8')}\nworkers: 2\n`);
    const gate = start(t, ['serve', '--config', file, '--no-watch'], built);
    const [, url = ''] = await gate.printed('stderr', /agents +(http:\S+)/);
    await gate.printed('stderr', /Try it|Next:/);
    const { stdout } = await run(t, ['token', '--config', file, '--sub', 'agent:planner', '--workload'], built);
    const answer = await fetch(`${url}/whoami`, { headers: { authorization: `Bearer ${stdout.trim()}` } });
    t.equal(answer.status, 200);
    gate.signal('SIGTERM');
    t.equal((await gate.ended).code, 0);
  });
});

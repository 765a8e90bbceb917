// npm run build: dist/, which the package and the image run. Our code and the libraries that every start loads become a few
// files, since finding, reading and compiling 850 of them took half of a start (docs/adr/0015-a-fast-start.md). What is loaded
// only where it is configured stays apart: our own in a file each, the embedded issuer and the signer of AWS in node_modules.
// Names and lines stay readable: nothing is minified. Must never put in a package without its license (dist/THIRD-PARTY.txt).

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build, type Plugin } from 'esbuild';

const root = join(import.meta.dirname, '..');

/** Loaded by `import()` where configured, with much code of their own. */
const leftOut = ['oidc-provider', '@smithy/signature-v4'];

/**
 * Forms of undici's parser, each of 70 to 90 KB, that it takes only where the environment asks for one or the processor has no
 * SIMD: read from node_modules then.
 */
const otherParsers: Plugin = {
  name: 'other parsers',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\.\/(?:milo\/(?:no-)?simd|llhttp\/llhttp-wasm)\.js$/ }, ({ path, importer }) =>
      importer.includes('/undici/lib/') ? { path: path.replace('..', 'undici/lib'), external: true } : undefined,
    );
  },
};

const { values } = parseArgs({ options: { out: { type: 'string', default: 'dist' } } });
const out = join(root, values.out);

// Only what a build has made: another folder that was named is somebody's, and is written into as it is.
if (values.out === 'dist') rmSync(out, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  // The second is what a worker thread starts with; it is looked for beside the file that starts it.
  entryPoints: { cli: 'src/cli.ts', entry: 'src/wiring/workers/entry.ts' },
  outdir: out,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node24',
  // Of the two forms many libraries come in, the one whose unused parts can be left out.
  mainFields: ['module', 'main'],
  external: leftOut,
  plugins: [otherParsers],
  // Libraries in CommonJS ask for Node's own modules by `require`.
  banner: { js: "import { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);" },
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
});

const packages = new Set(
  Object.values(metafile.outputs)
    .flatMap(({ inputs }) => Object.entries(inputs))
    .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
    .flatMap(([path]) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? []),
);
writeFileSync(join(out, 'THIRD-PARTY.txt'), [...packages].sort().map(notice).join('\n'));

/** Name, version and license of a package, with the license's text. @throws where it has none */
function notice(folder: string): string {
  const place = join(root, folder);
  const manifest: Record<string, unknown> = JSON.parse(readFileSync(join(place, 'package.json'), 'utf8'));
  const { name, version, license } = manifest;
  const files = readdirSync(place).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file));
  if (typeof license !== 'string') throw new Error(`${name} does not say its license`);
  const texts = files.map((file) => readFileSync(join(place, file), 'utf8').trim());
  return [`==== ${name} ${version} (${license})`, ...texts, ''].join('\n\n');
}

// The map of the house, enforced: imports point one way, secrets are revealed in few places, time comes through one door,
// each fact about a call is established in one file, and files stay short enough for one sitting.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { test } from 'tap';

const src = join(import.meta.dirname, '../src');

interface SourceFile {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

const files: SourceFile[] = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((path) => path.endsWith('.ts'))
  .sort()
  .map((path) => {
    const text = readFileSync(join(src, path), 'utf8');
    return { path, text, lines: text.trimEnd().split('\n') };
  });

/** The only files that may know everything: the composition root and what people run. */
const roots = ['app.ts', 'cli.ts', 'commands/', 'wiring/'];

/** What is known of a call, stage by stage: types, and the guards that read how far a call came. */
const callLayer = ['call.ts', 'credential.ts', 'principal.ts', 'reached.ts', 'transport.ts'];

/** Where a secret is placed on a message, hashed, decoded, verified or handed to another thread. Nowhere else is its value needed. */
const mayReveal = [
  'audit/signing-key.ts',
  'base/aws-keys.ts',
  'base/bound-token.ts',
  'base/secret.ts',
  'base/trusting.ts',
  'exchange/cache.ts',
  'exchange/client-auth-spiffe.ts',
  'exchange/client-auth.ts',
  'exchange/handover.ts',
  'exchange/message.ts',
  'exchange/placement.ts',
  'exchange/readable.ts',
  'exchange/signing-key.ts',
  'forwarding/guard.ts',
  'forwarding/headers.ts',
  'forwarding/sign-dpop.ts',
  'identity/establish.ts',
  'identity/handle.ts',
  'identity/jwt.ts',
  'identity/own-identity.ts',
  'identity/presented.ts',
  'identity/trace-subject.ts',
  'sts/clients.ts',
  'telemetry/otel.ts',
  'telemetry/pseudonym.ts',
  'wiring/workers/crew.ts',
  'wiring/workers/edition.ts',
];

const madeIn: Record<string, readonly string[]> = {
  ObservedCall: ['telemetry/observe.ts'],
  StrippedCall: ['identity/strip.ts'],
  KnownCall: ['identity/identify.ts'],
  RoutedCall: ['routing/route.ts'],
  PermittedCall: ['policy/permit.ts'],
  // The second arms calls towards the agent behind an inbound listener, with a handle.
  ArmedCall: ['exchange/broker.ts', 'identity/hand-over.ts'],
};

const longestFile = 250;

test('imports point one way', (t) => {
  for (const file of files) {
    for (const target of relativeImports(file)) {
      t.ok(mayImport(file.path, target), `${file.path} imports ${target}`);
    }
  }
  t.end();
});

test('secrets are revealed only where they are placed, hashed or verified', (t) => {
  const revealing = files.filter((file) => file.text.includes('.reveal(')).map((file) => file.path);
  t.strictSame(
    revealing.filter((path) => !mayReveal.includes(path)),
    [],
  );
  t.end();
});

test('the system clock and randomness come through known doors', (t) => {
  for (const file of files) {
    const code = withoutComments(file.text);
    if (file.path !== 'base/ports.ts') t.notMatch(code, /\bDate\.now\(|new Date\(\)/, `${file.path} reads no clock`);
    t.notMatch(code, /Math\.random\(/, `${file.path} uses no weak randomness`);
  }
  t.end();
});

test('HTTP of Node is taken without its fetch', (t) => {
  for (const { path, text } of files) {
    const code = withoutComments(text);
    // Types only: a value imported from there loads Node's own undici into every process (base/node-http.ts).
    t.notMatch(code, /^import (?!type )[^;]*from 'node:http'/m, `${path} takes it from base/node-http.ts`);
  }
  t.end();
});

test('each fact about a call is established in one file', (t) => {
  for (const [type, owners] of Object.entries(madeIn)) {
    const makes = new RegExp(String.raw`\)\s*:\s*(?:Promise<)?${type}>?\s*(?:\{|=>)|\bas ${type}\b`);
    const makers = files.filter((file) => !isRoot(file.path) && makes.test(withoutComments(file.text)));
    for (const { path } of makers) {
      t.ok(owners.includes(path), `${path} makes a ${type}; only ${owners.join(' and ')} may`);
    }
  }
  t.end();
});

test('what is known of a call is changed by nobody but who lets go of it', (t) => {
  // Every field is readonly; only a type that takes this away could be written through. The matcher builds its own tables so.
  const changing = files.filter(({ text }) => /-readonly\b/.test(withoutComments(text))).map(({ path }) => path);
  t.strictSame(changing, ['forwarding/let-go.ts', 'revocation/matcher.ts']);
  t.end();
});

test('the embedded issuer is loaded where one is configured, and by nobody else', (t) => {
  const eager = /^import (?!type\b)[^;]*?'(?:oidc-provider|[./]*\/sts\/(?!schema\.ts)[^']*)'/m;
  const loading = files.filter(({ path, text }) => !path.startsWith('sts/') && eager.test(text));
  t.strictSame(
    loading.map(({ path }) => path),
    [],
  );
  t.end();
});

test('every file says what it does, and can be read in one sitting', (t) => {
  for (const file of files) {
    const lines = file.lines[0]?.startsWith('#!') ? file.lines.slice(2) : file.lines;
    const opening = lines.findIndex((line) => !line.startsWith('//'));
    t.ok(opening >= 2 && opening <= 8, `${file.path} opens with its purpose`);
    t.ok(file.lines.length <= longestFile, `${file.path} has ${file.lines.length} lines`);
    t.notMatch(file.path, /util|helper|manager|common/i, `${file.path} is named by what it does`);
  }
  t.end();
});

function mayImport(from: string, to: string): boolean {
  if (isRoot(from)) return true;
  const [feature] = from.split('/', 1);
  if (to.startsWith('base/')) return true;
  if (from.startsWith('base/')) return false;
  if (callLayer.includes(to)) return true;
  if (callLayer.includes(from) || from === 'pipeline.ts') return false;
  if (feature === 'config') return to.startsWith('config/') || to.endsWith('/schema.ts');
  return to.startsWith(`${feature}/`);
}

function isRoot(path: string): boolean {
  return roots.some((root) => path === root || (root.endsWith('/') && path.startsWith(root)));
}

function relativeImports(file: SourceFile): string[] {
  const targets = [...file.text.matchAll(/(?:from|import\()\s*'(\.[^']+)'/g)].map((match) => match[1] ?? '');
  return targets.map((target) => normalize(relative('.', join(dirname(file.path), target))));
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(^|\s)\/\/.*$/gm, '$1');
}

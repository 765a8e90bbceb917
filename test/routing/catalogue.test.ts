import { test } from 'tap';
import { type CompiledRoute, compileCatalogue } from '../../src/routing/catalogue.ts';
import { compile, presets, type RouteInput } from '../support/routing-world.ts';

const tickets: RouteInput = { name: 'tickets', path: '/tickets', upstream: 'https://tickets.example/api' };

function problemsOf(...routes: RouteInput[]): string[] {
  return compile(routes).problems.map(({ path, what }) => `${path.join('.')} ${what}`);
}

function compiled(route: RouteInput): CompiledRoute {
  const { catalogue, problems } = compile([route]);
  const [only] = catalogue.routes;
  if (only === undefined || problems.length > 0) throw new Error(problems.map(({ what }) => what).join());
  return only;
}

test('a route from a preset needs nothing else', (t) => {
  t.strictSame(compiled({ preset: 'openai' }).route, {
    id: 'openai',
    preset: 'openai',
    pattern: '/openai/*',
    dialect: 'openai',
    provider: 'openai',
    owners: { issuance: undefined, policy: undefined },
  });
  t.end();
});

test('a route without a preset has the defaults of plain HTTP', (t) => {
  const { route, spec } = compiled({ ...tickets, dialect: 'openai', owners: { policy: 'team-it' } });
  t.strictSame(route, {
    id: 'tickets',
    preset: undefined,
    pattern: '/tickets/*',
    dialect: 'openai',
    provider: undefined,
    owners: { issuance: undefined, policy: 'team-it' },
  });
  t.strictSame(spec.placement, { kind: 'header', name: 'authorization', prefix: 'Bearer ' });
  t.ok(spec.headers.forward.includes('if-none-match'));
  t.equal(spec.client.baseUrl, '{gate}/tickets');
  t.end();
});

test('a route may change what its preset says', (t) => {
  const { spec } = compiled({
    preset: 'anthropic',
    name: 'claude',
    path: '/claude',
    upstream: 'https://relay.example:8443/anthropic/',
    placement: { header: 'x-api-key' },
    headers: { forward: ['x-team', 'accept'], set: { 'anthropic-workspace-id': 'default' } },
    websocket: true,
    http2: true,
    timeouts: { idle: '30s' },
    max_connections: 8,
    response_guard: 'off',
    inspection_limit: '64KiB',
  });
  t.strictSame(spec.upstream, {
    origin: 'https://relay.example:8443',
    hostname: 'relay.example',
    port: 8443,
    tls: true,
    ownPath: '/anthropic/',
    basePath: '/anthropic',
  });
  t.strictSame(spec.placement, { kind: 'header', name: 'x-api-key', prefix: '' });
  t.strictSame(spec.headers.set, [['anthropic-workspace-id', 'default']]);
  t.equal(spec.headers.forward.filter((rule) => rule === 'accept').length, 1);
  t.ok(spec.headers.forward.includes('anthropic-beta') && spec.headers.forward.includes('x-team'));
  t.strictSame(spec.timeouts, { idle: 30_000, connect: 10_000 });
  t.hasStrict(spec, { id: 'claude', websocket: true, http2: true, maxConnections: 8, responseGuard: false });
  t.hasStrict(spec, { inspectionLimit: 65_536, mcp: false, title: 'Anthropic API' });
  t.equal(spec.client.baseUrl, '{gate}/claude', 'the base URL follows the path');
  t.end();
});

test('every problem is told, with its place and its mend', (t) => {
  const { problems, catalogue } = compile([
    { preset: 'opnai' },
    { name: 'nowhere' },
    { preset: 'openai-compatible' },
    { ...tickets, upstream: 'https://tickets.example/a/../b' },
    tickets,
  ]);
  t.strictSame(
    problems.map(({ path, what }) => [path.join('.'), what]),
    [
      ['routes.0.preset', 'names no preset: "opnai"'],
      ['routes.1', 'has neither a preset nor a name and a path'],
      ['routes.2', 'has no upstream'],
      ['routes.3.upstream', 'path has a dot segment'],
    ],
  );
  for (const { mend } of problems) t.ok(mend, 'says what to write instead');
  t.strictSame(
    catalogue.routes.map(({ route }) => route.id),
    ['tickets'],
  );
  t.end();
});

test('no two routes are alike', (t) => {
  t.match(problemsOf({ preset: 'openai' }, { preset: 'openai', path: '/other' }), [
    'routes.1 has the name of another route',
  ]);
  t.match(problemsOf(tickets, { ...tickets, name: 'more' }), [
    'routes.1.path is mounted at /tickets like the route "tickets"',
  ]);
  t.strictSame(problemsOf(tickets, { ...tickets, name: 'more', host: 'more.example' }), [], 'but for their host');
  t.strictSame(
    problemsOf(tickets, { ...tickets, name: 'more', path: '/tickets/more' }),
    [],
    'a longer path is another',
  );
  t.end();
});

test('a credential is not sent in the clear unless somebody wants that', (t) => {
  const plain = { ...tickets, upstream: 'http://tickets.internal' };
  t.strictSame(problemsOf(plain), ['routes.0.upstream would send the credential over the network in the clear']);
  t.strictSame(problemsOf({ ...plain, insecure_plain_http: true }), []);
  t.strictSame(problemsOf({ ...plain, upstream: 'http://127.0.0.1:9000' }), []);
  t.strictSame(problemsOf({ ...plain, upstream: 'http://[::1]:9000' }), []);
  t.equal(
    problemsOf({ ...plain, upstream: 'http://localhost:9000' }).length,
    1,
    'a name can be made to point elsewhere',
  );
  t.end();
});

test("the header of the credential is the gate's alone", (t) => {
  const keyed: RouteInput = { ...tickets, placement: { header: 'x-tickets' } };
  t.strictSame(problemsOf(keyed), []);
  const what = 'routes.0.headers lets the header "x-tickets" through, which carries the issued credential';
  t.strictSame(problemsOf({ ...keyed, headers: { forward: ['x-tickets'] } }), [what]);
  t.strictSame(
    problemsOf({ ...tickets, placement: { header: 'x-tickets-key' }, headers: { forward: ['x-tickets-*'] } }).length,
    1,
  );
  t.strictSame(problemsOf({ ...keyed, headers: { set: { 'x-tickets': 'a' } } }), [what]);
  t.end();
});

test('what a call failed on before it was routed is answered in the dialect of its path', (t) => {
  const { catalogue } = compile([
    { preset: 'openai' },
    { preset: 'anthropic', path: '/openai/claude' },
    { preset: 'mcp', upstream: 'https://mcp.example' },
  ]);
  const dialects: readonly (readonly [string, string])[] = [
    ['/openai/v1/models', 'openai'],
    ['/openai', 'openai'],
    ['/openai?x=/mcp', 'openai'],
    ['/openai/../mcp', 'openai'],
    ['/openai/claude/v1/messages', 'anthropic'],
    ['http://gate.example:8080/mcp', 'mcp'],
    ['/openaix', 'problem'],
    ['*', 'problem'],
    ['', 'problem'],
  ];
  for (const [target, dialect] of dialects) t.equal(catalogue.dialectFor(target), dialect, target);
  t.end();
});

test('no routes match nothing', (t) => {
  const empty = compileCatalogue({ presets, routes: [], report: () => t.fail('no problem') });
  t.equal(empty.match('/', 'gate.example'), undefined);
  t.equal(empty.dialectFor('/'), 'problem');
  t.end();
});

test('a route with a host and no path takes the whole host', (t) => {
  const { catalogue } = compile([{ preset: 'openai', host: 'api.openai.com' }]);
  t.equal(catalogue.match('/v1/models', 'api.openai.com')?.route.id, 'openai');
  t.equal(catalogue.match('/v1/models', 'api.openai.com:443')?.route.id, 'openai');
  t.equal(catalogue.match('/v1/models', 'gate.example'), undefined);
  t.equal(catalogue.match('/v1/models', undefined), undefined);
  t.end();
});

// The operator's pages: what there is to see, to whom, and that it is only ever read.

import { request } from 'node:http';
import { test } from 'tap';
import { apiRoute, startE2e, type World } from '../support/e2e-world.ts';

function ask({ app }: World, path: string, more: { method?: string; host?: string } = {}) {
  const { hostname, port } = new URL(app.adminUrl);
  return new Promise<{ status: number; body: string; type: string }>((resolve, reject) => {
    const { method = 'GET', host = 'localhost' } = more;
    request({ hostname, port, path, method, headers: { host } }, async (answer) => {
      let body = '';
      for await (const chunk of answer) body += String(chunk);
      resolve({ status: answer.statusCode ?? 0, body, type: String(answer.headers['content-type']) });
    })
      .on('error', reject)
      .end();
  });
}

test('routes: what an agent has to set for each, who answers for it, and no secret', async (t) => {
  const world = await startE2e(t, {
    config: (places) => ({
      exchanges: { key: { grant: 'static_secret', value: 'standing-canary-key' } },
      routes: [
        apiRoute(places, {
          exchange: 'key',
          audience: undefined,
          scopes: undefined,
          owners: { issuance: 'team-iam', policy: 'team-x' },
        }),
      ],
    }),
  });
  const page = await ask(world, '/routes');
  t.match(page, { status: 200, type: 'application/json' });
  t.match(JSON.parse(page.body), [
    {
      id: 'api',
      credential: 'static',
      onBehalfOf: 'optional',
      rules: ['anyone'],
      owners: { issuance: 'team-iam', policy: 'team-x' },
      client: { baseUrl: `${world.gate}/api` },
    },
  ]);
  t.notMatch(page.body, /canary/);
});

test('only read, only by its own name', async (t) => {
  const world = await startE2e(t);
  t.match(await ask(world, '/livez'), { status: 200, body: 'ok\n' });
  t.match(await ask(world, '/livez', { method: 'HEAD' }), { status: 200, body: '' });
  t.equal((await ask(world, '/livez', { method: 'POST' })).status, 405);
  t.equal((await ask(world, '/livez?x=1')).status, 200);
  t.match(await ask(world, '/admin'), { status: 404, body: /\/livez/ });
  for (const host of ['evil.example', 'localhost.evil.example', '127.0.0.1.evil.example', '127.evil.example']) {
    t.equal((await ask(world, '/routes', { host })).status, 421, `a rebound name: ${host}`);
  }
  for (const host of ['127.0.0.1:9090', '[::1]:9090', 'localhost:1']) {
    t.equal((await ask(world, '/livez', { host })).status, 200);
  }
});

test('metrics are in the format scrapers expect', async (t) => {
  const world = await startE2e(t);
  await (await world.call('/api')).text();
  const { type, body } = await ask(world, '/metrics');
  t.match(type, /^text\/plain; version=0\.0\.4/);
  for (const line of body.trimEnd().split('\n')) {
    t.match(line, /^(?:# (?:HELP|TYPE) \S+ .+|[a-z_:][\w:]*(?:\{.*\})? -?(?:[\d.e+-]+|\+Inf|NaN))$/i);
  }
  t.match(
    body,
    /^postern_routes\{postern_credential_kind="exchanged"\} [1-9]/m,
    'standing privilege would be seen here',
  );
});

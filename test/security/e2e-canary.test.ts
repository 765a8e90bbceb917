// Attack: to find a secret where it must not be. Distinct canaries stand in every slot a credential can come in, in tokens
// that do not verify and in every secret of the configuration; calls succeed and fail, configurations load and do not. Nothing
// the gate lets out may hold any of them: not the OTLP bytes, the log, the audit records, error bodies, response headers, the
// operator's pages, nor what is forwarded.

import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { test } from 'tap';
import { stringify } from 'yaml';
import { credentialParameters, credentialSubprotocols } from '../../src/identity/slots.ts';
import { credentialHeaders } from '../../src/identity/slots-headers.ts';
import { startGuarded } from '../support/e2e-guarded.ts';
import { apiRoute, standardConfig, type World } from '../support/e2e-world.ts';
import { rejection } from '../support/rejection.ts';

/** A request written as it is, target and header names included. */
function send(world: World, target: string, headers: readonly string[], body = ''): Promise<Response> {
  const { hostname, port } = new URL(world.gate);
  return new Promise((resolve, reject) => {
    const upgrade = headers.includes('upgrade');
    const framing = upgrade ? [] : ['connection', 'close', 'content-length', String(body.length)];
    const lines = ['host', 'gate', ...headers, ...framing];
    const outgoing = request({
      hostname,
      port,
      path: target,
      method: upgrade ? 'GET' : 'POST',
      headers: lines,
      agent: false,
    });
    outgoing.on('error', reject);
    outgoing.on('upgrade', (_answer, socket) => socket.destroy());
    outgoing.on('response', async (answer) => {
      const chunks: Buffer[] = [];
      for await (const chunk of answer) chunks.push(Buffer.from(chunk));
      const pairs = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)]);
      resolve(new Response(Buffer.concat(chunks), { status: answer.statusCode ?? 0, headers: pairs }));
    });
    outgoing.end(body);
  });
}

test('the net catches what is let out: it finds a canary that is', async (t) => {
  const { world, net, finish } = await startGuarded(t);
  const canary = net.plant('a body');
  world.upstream.answerWith((response) => response.end(canary));
  await net.answer('an answer', await world.call('/api'));
  t.strictSame(await finish(), ['a body in an answer']);
  t.ok(net.size > 5_000);
});

/** Named here too: a slot that is lost from the gate's own table must not be lost from this test with it. */
const wellKnown = [
  ...['authorization', 'proxy-authorization', 'cookie', 'x-api-key', 'api-key', 'x-goog-api-key', 'x-auth-token'],
  ...[
    'postern-subject-token',
    'x-amz-security-token',
    'ocp-apim-subscription-key',
    'dpop',
    'txn-token',
    'x-vault-token',
  ],
  ...['x-forwarded-client-cert', 'x-ms-token-aad-access-token', 'x-portkey-api-key', 'x-some-vendor-secret'],
];

test('a credential in any header slot', async (t) => {
  const { world, net, finish } = await startGuarded(t);
  const [agent, user] = [await world.agent(), await world.user()];
  for (const name of new Set([...wellKnown, ...credentialHeaders])) {
    const canary = net.plant(`header ${name}`);
    const own = name === 'authorization' ? [] : ['authorization', `Bearer ${agent}`];
    const subject = name === 'postern-subject-token' ? [] : ['postern-subject-token', user];
    for (const value of [canary, `Bearer ${canary}`, `a=${canary}; b=c`]) {
      await net.answer(`answer to ${name}`, await send(world, '/api', [...own, ...subject, name, value]));
    }
    await net.answer(`answer to ${name} alone`, await send(world, '/nowhere', [name, canary]));
  }
  t.ok(world.upstream.received.length > credentialHeaders.size, 'most were forwarded, without it');
  for (const { rawHeaders } of world.upstream.received) net.caught('upstream', rawHeaders.join('\n'));
  const found = await finish();
  t.strictSame(
    found.filter((one) => !one.startsWith('an issued token in upstream') && one !== keyAtUpstream),
    [],
  );
});

const keyAtUpstream = 'standing key in upstream';

test('a credential in any query slot, cookie, userinfo or subprotocol', async (t) => {
  const { world, net, finish } = await startGuarded(t);
  const identity = ['authorization', `Bearer ${await world.agent()}`, 'postern-subject-token', await world.user()];
  const key = Buffer.alloc(16).toString('base64');
  const upgrade = [
    'connection',
    'upgrade',
    'upgrade',
    'websocket',
    'sec-websocket-version',
    '13',
    'sec-websocket-key',
    key,
  ];
  const calls: [string, string, string[]][] = [
    ...[...credentialParameters].map((name): [string, string, string[]] => {
      const canary = net.plant(`query ${name}`);
      return [name, `/api/x?a=1&${name}=${canary}`, []];
    }),
    ['cookie', '/api', ['cookie', `session=${net.plant('cookie')}`]],
    ['userinfo', `http://u:${net.plant('userinfo')}@gate/api`, []],
    ['fragment', `/api#access_token=${net.plant('fragment')}`, []],
    ...credentialSubprotocols.map(({ prefix }): [string, string, string[]] => {
      const canary = net.plant(`subprotocol ${prefix}`);
      return [prefix, '/api', [...upgrade, 'sec-websocket-protocol', `chat, ${prefix}${canary}`]];
    }),
  ];
  for (const [name, target, headers] of calls) {
    await net.answer(`answer to ${name}`, await send(world, target, [...identity, ...headers]));
    await net.answer(`answer to ${name} alone`, await send(world, target.replace('/api', '/keyed'), headers));
  }
  for (const { url, headers } of world.upstream.received) {
    net.caught('upstream', `${url}\n${Object.values({ ...headers, authorization: '' }).join('\n')}`);
  }
  t.ok(world.upstream.received.length > 30);
  t.strictSame(await finish(), []);
});

test('tokens that do not verify, whatever is wrong with them', async (t) => {
  const { world, net, finish } = await startGuarded(t);
  const good = await world.agent();
  const [header = '', payload = '', signature = ''] = good.split('.');
  const json = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const tokens = {
    'no JWT': net.plant('no JWT'),
    'a forged signature': `${header}.${payload}.${net.plant('forged signature')}`,
    'another payload': `${header}.${json({ sub: net.plant('claim of a forged token'), iss: world.issuer.issuer })}.${signature}`,
    // Which issuer, algorithm and type a refused token names is told to the operator: none is a secret.
    'an unknown issuer': `${header}.${json({ sub: net.plant('stranger'), iss: 'https://unknown.example', exp: 9e9 })}.${signature}`,
    'a strange header': `${json({ alg: 'ES256', kid: net.plant('kid'), typ: 'strange' })}.${payload}.x`,
    expired: net.watch('expired', await world.agent('planner', { ttl: -100 })),
    'another audience': net.watch('another audience', await world.agent('planner', { audience: 'somebody' })),
    'a strange type': net.watch('a strange type', await world.agent('planner', { typ: 'secret+jwt' })),
    oversize: `${net.plant('oversize')}${'x'.repeat(20_000)}`,
  };
  net.watch('a good token', good);
  for (const [name, token] of Object.entries(tokens)) {
    await net.answer(`answer to ${name}`, await world.call('/api', { agent: token }));
    await net.answer(`answer to ${name} as user`, await world.call('/api', { user: token }));
  }
  t.strictSame(world.upstream.received, []);
  t.strictSame(await finish(), []);
});

test('configurations that do not load', async (t) => {
  const { world, net, finish } = await startGuarded(t);
  const base = standardConfig(world);
  const secret = (where: string) => net.plant(`a configuration with ${where}`);
  const broken: Record<string, (canary: string) => object> = {
    'a secret that is a list': (canary) => ({
      exchanges: { corp: { grant: 'token_exchange', client: { secret: [canary] } } },
    }),
    'a key that is no key': (canary) => ({
      exchanges: {
        corp: {
          grant: 'token_exchange',
          issuer: world.issuer.issuer,
          client: { id: 'x', auth: 'private_key_jwt', key: canary },
        },
      },
    }),
    'a secret under a mistyped name': (canary) => ({ exchanges: { key: { grant: 'static_secret', valeu: canary } } }),
    'a secret where a number belongs': (canary) => ({ routes: [{ ...apiRoute(world), max_connections: canary }] }),
    'a subject key too short to be one': () => ({ telemetry: { subject_key: 'short-canary' } }),
    'a collector header that is a map': (canary) => ({ telemetry: { headers: { authorization: { value: canary } } } }),
  };
  net.watch('a short subject key', 'short-canary');
  for (const [where, sections] of Object.entries(broken)) {
    writeFileSync(world.configFile, stringify({ ...base, ...sections(secret(where)) }));
    net.caught(`the problem of ${where}`, (await rejection(world.app.reload())).message);
  }
  writeFileSync(world.configFile, `version: 1\nexchanges:\n  key: { value: "${secret('broken YAML')}\n  x: [`);
  net.caught('the problem of broken YAML', (await rejection(world.app.reload())).message);
  t.strictSame(await finish(), []);
});

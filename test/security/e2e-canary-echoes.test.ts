// Attack: to have a secret echoed. An issuer quotes the tokens or the client secret it was sent, an upstream reflects headers,
// target and body in every place an answer has, or breaks in the middle of a credential. Nothing of it may come out of the
// gate: not to the agent, not to the log, the audit, the collector or the operator's pages.

import { test } from 'tap';
import { startGuarded } from '../support/e2e-guarded.ts';
import { answering } from '../support/e2e-issuer.ts';

const echoes: Record<string, (form: URLSearchParams, authorization: string) => [number, object]> = {
  'its description': (form) => [400, { error: 'invalid_grant', error_description: `no: ${form.get('subject_token')}` }],
  'its code': (form) => [400, { error: form.get('actor_token')?.slice(0, 100) }],
  'the whole form': (form) => [400, { error: 'access_denied', error_description: form.toString() }],
  'its client authentication': (_form, secret) => [401, { error: 'invalid_client', error_description: secret }],
  'a fault': (form, secret) => [500, { error: form.toString(), secret }],
  'members nobody asked for': (form) => [400, { error: 'invalid_target', debug: form.toString() }],
  'a step-up demand': (form) => [
    400,
    {
      error: 'insufficient_user_authentication',
      acr_values: form.get('subject_token'),
      max_age: form.get('actor_token'),
    },
  ],
  'a 200 that is none': (form) => [200, { token: form.get('subject_token') }],
  'a token type': (form) => [200, { access_token: form.get('subject_token'), token_type: form.get('actor_token') }],
  'the very token it was sent': (form) => [200, { access_token: form.get('subject_token'), token_type: 'Bearer' }],
};

for (const [name, echo] of Object.entries(echoes)) {
  test(`an issuer that echoes what it was sent in ${name}`, async (t) => {
    const { world, net, finish } = await startGuarded(t);
    const agent = net.watch('the actor token', await world.agent());
    const user = net.watch('the subject token', await world.user());
    net.watch('the client secret', 'gate-client-secret-canary');
    world.issuer.answerWith((response, one) => {
      const basic = Buffer.from((one.headers.authorization ?? '').replace('Basic ', ''), 'base64').toString();
      answering(...echo(one.form, basic))(response, one);
    });
    const answer = await net.answer('the answer', await world.call('/api', { agent, user }));
    t.ok(answer.status >= 400);
    t.equal(world.issuer.asked.length > 0, true);
    t.strictSame(await finish(), []);
  });
}

test('an upstream that reflects all it was sent', async (t) => {
  const { world, net, finish } = await startGuarded(t);
  const agent = net.watch('the actor token', await world.agent());
  const user = net.watch('the subject token', await world.user());
  for (const status of [200, 400, 403, 500, 302]) {
    for (const type of ['application/json', 'text/html', 'text/event-stream', 'application/problem+json']) {
      world.upstream.answerWith((response, { rawHeaders, url, token = '' }) => {
        const said = JSON.stringify({ url, rawHeaders, token });
        response.writeHead(status, `${status} ${token}`, {
          'content-type': type,
          'set-cookie': `t=${token}`,
          'x-debug': token,
          [`x-${'name'}`]: `Bearer ${token}`,
          location: `/login?t=${token}`,
          'www-authenticate': `Bearer error="${token}"`,
          link: `</next?key=${token}>; rel="next"`,
          trailer: 'x-late',
        });
        // In pieces that cut the token anywhere.
        for (let at = 0; at < said.length; at += 97) response.write(said.slice(at, at + 97));
        response.addTrailers({ 'x-late': token });
        response.end(`\n${encodeURIComponent(token)}`);
      });
      await net.answer(`${status} ${type}`, await world.call('/api/x?a=b', { agent, user }));
    }
  }
  world.upstream.answerWith((response, { headers }) => response.end(`key: ${headers.authorization}`));
  await net.answer('the standing key', await world.call('/keyed', { agent, user }));
  t.equal(world.upstream.received.length, 21);
  t.strictSame(await finish(), []);
});

test('upstreams that break, in the middle of a secret', async (t) => {
  const { world, net, finish } = await startGuarded(t);
  const breaks: Parameters<typeof world.upstream.answerWith>[0][] = [
    (response, { token }) => response.writeHead(401, { 'x-why': token }).end(token),
    (response) => response.destroy(),
    (response, { token = '' }) => {
      response.writeHead(200, { 'content-length': '9999' });
      response.write(token, () => response.destroy());
    },
    (response, { token = '' }) => response.socket?.end(`HTTP/1.1 200 OK\r\nx-${token}: a\r\nbad line ${token}\r\n\r\n`),
    (response, { token = '' }) => response.socket?.end(`garbage ${token}`),
  ];
  for (const [index, answer] of breaks.entries()) {
    world.upstream.answerWith(answer);
    const reply = await world.call('/api');
    await net
      .answer(`break ${index}`, reply)
      .catch((failure: unknown) => net.caught(`break ${index}`, String(failure)));
  }
  t.strictSame(await finish(), []);
});

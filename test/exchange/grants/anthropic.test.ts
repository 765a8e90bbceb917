// Anthropic federation, member by member (WIF reference; @anthropic-ai/sdk 1.12.0, src/lib/credentials).

import { test } from 'tap';
import { Secret } from '../../../src/base/secret.ts';
import { anthropic, startFederation } from '../../support/exchange-federation.ts';
import { anthropicIds } from '../../support/exchange-vendors/anthropic.ts';
import { refusal } from '../../support/exchange-world.ts';

test('the request is what the SDK sends: JSON, both betas, the assertion and where it leads', async (t) => {
  const { gate, call, vendor, alice } = await startFederation(t, anthropic);
  await gate({ workspace_id: 'wrkspc_01test' }).broker.arm(call());
  const [request] = vendor.received;
  t.match(request, { method: 'POST', path: '/v1/oauth/token', encoding: 'json' });
  t.equal(request?.headers['anthropic-beta'], 'oauth-2025-04-20,oidc-federation-2026-04-01');
  t.match(request?.headers['traceparent'], /^00-/);
  t.strictSame(request?.body, {
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: alice.token.reveal(),
    ...anthropicIds,
    workspace_id: 'wrkspc_01test',
  });
});

test('what comes back opens the API as a bearer, and its calls need one beta more', async (t) => {
  const { gate, call, vendor, world } = await startFederation(t, anthropic);
  const { broker } = gate();
  const { credential } = await broker.arm(call());
  t.match(credential.secret?.reveal(), /^sk-ant-oat01-/);
  t.strictSame(broker.callHeaders('openai'), { 'anthropic-beta': 'oauth-2025-04-20' });
  t.strictSame(broker.callHeaders('elsewhere'), {});
  t.equal(credential.facts.expiresAt, world.clock.now() / 1_000 + 3_600);
  t.equal(credential.facts.audience, vendor.url);
});

test('an assertion of more than 16 KiB is not sent', async (t) => {
  const { gate, call, vendor, alice } = await startFederation(t, anthropic);
  const long = { ...alice, token: new Secret(`eyJ${'x'.repeat(16_382)}`) };
  t.match(await refusal(gate().broker.arm(call({ subject: long }))), {
    reason: 'subject_token_rejected',
    detail: /longer than 16384/,
  });
  t.equal(vendor.received.length, 0);
});

test('an assertion is taken once: another route, or a renewal, needs a new one of the agent', async (t) => {
  const { entry, world, call, vendor } = await startFederation(t, anthropic);
  const { broker } = world.gate({
    exchanges: { corp: entry(), other: entry({ workspace_id: 'wrkspc_01test' }) },
    routes: [{ audience: undefined }, { id: 'other', exchange: 'other', audience: undefined }],
  });
  const first = await broker.arm(call());
  t.equal((await refusal(broker.arm(call({ route: 'other' })))).reason, 'subject_token_rejected');
  world.clock.pass(10);
  t.equal((await refusal(broker.rearm(first))).reason, 'subject_token_rejected');
  t.strictSame(vendor.history, ['jti_reused', 'jti_reused']);
});

test('an odd answer is not asked about again: the assertion may be spent', async (t) => {
  const { gate, call, vendor } = await startFederation(t, anthropic);
  vendor.answerWith((response) => response.writeHead(200).end());
  t.equal((await refusal(gate().broker.arm(call()))).reason, 'issuer_answer_malformed');
  t.equal(vendor.received.length, 1);
});

test('the rule spans workspaces and none is named: an opaque 401, told with the request id', async (t) => {
  const { gate, call, vendor } = await startFederation(t, {
    ...anthropic,
    start: async (world, trust) =>
      (await import('../../support/exchange-vendors/anthropic.ts')).startAnthropicVendor({
        clock: world.clock,
        trust,
        workspaces: ['wrkspc_a', 'wrkspc_b'],
      }),
  });
  const refused = await refusal(gate().broker.arm(call()));
  t.equal(refused.detail, 'authentication_error: Authentication failed (request req_1)');
  t.strictSame(vendor.history, ['workspace_id_required']);
  t.equal((await gate({ workspace_id: 'wrkspc_b' }).broker.arm(call())).cache, 'miss');
});

test('any other placement than a bearer is reported at load: beside or in place of it the API refuses', async (t) => {
  const { gate } = await startFederation(t, anthropic);
  const { problems } = gate(undefined, {
    exchanges: { corp: anthropic.entry({ url: 'https://api.anthropic.com' } as never) },
    routes: [{ audience: undefined, placement: { kind: 'header', name: 'x-api-key', prefix: '' } }],
  });
  t.match(problems, [{ path: ['routes', 0, 'placement'], what: /Authorization: Bearer only/ }]);
});

test('plain http is for this machine only', async (t) => {
  const { gate } = await startFederation(t, anthropic);
  t.match(gate({ base_url: 'http://anthropic.internal' }).problems, [
    { path: ['exchanges', 'corp', 'token_endpoint'] },
  ]);
});

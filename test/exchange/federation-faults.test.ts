// What goes wrong at a vendor's token endpoint, and what it means for the call: for every vendor the same faults, told in the
// vendor's own words. A bad subject is the agent's to mend (401), a bad set-up or a vendor that is down is not (503).

import { type Test, test } from 'tap';
import type { Reason } from '../../src/base/errors.ts';
import type { PermittedCall } from '../../src/call.ts';
import {
  anthropic,
  aws,
  databricks,
  entraOnBehalfOf,
  entraWorkload,
  type Federation,
  google,
  huggingface,
  openai,
  openrouter,
  startFederation,
} from '../support/exchange-federation.ts';
import type { VendorServer } from '../support/exchange-vendors/vendor-server.ts';
import { type Gate, refusal } from '../support/exchange-world.ts';

type Start = (t: Test) => Promise<Federation<VendorServer>>;

/** A mistake in the configuration of each, and what the vendor makes of it. */
const vendors: Record<string, { start: Start; mistake: Record<string, unknown>; means: Reason; detail: RegExp }> = {
  anthropic: {
    start: (t) => startFederation(t, anthropic),
    mistake: { federation_rule_id: 'rule-without-prefix' },
    means: 'exchange_misconfigured',
    detail: /^invalid_request_error: federation_rule_id: malformed \(request req_1\)$/,
  },
  aws_web_identity: {
    start: (t) => startFederation(t, aws),
    mistake: { role_arn: 'arn:aws:iam::123456789012:role/other' },
    means: 'exchange_denied',
    detail: /^AccessDenied: Not authorized to perform sts:.* \(request 4f0f4dd1-/,
  },
  openai: {
    start: (t) => startFederation(t, openai),
    mistake: { service_account_id: 'user-svc-other' },
    means: 'subject_token_rejected',
    detail: /^invalid_grant: No mapping exists/,
  },
  openrouter: {
    start: (t) => startFederation(t, openrouter),
    mistake: { federation_policy_id: 'paused' },
    means: 'subject_token_rejected',
    detail: /^invalid_grant: The subject token was not accepted/,
  },
  huggingface: {
    start: (t) => startFederation(t, huggingface),
    mistake: { resource: 'somebody-else' },
    means: 'subject_token_rejected',
    detail: /^invalid_grant: No trusted publisher/,
  },
  databricks: {
    start: (t) => startFederation(t, databricks),
    mistake: { client_id: 'nobody' },
    means: 'issuer_rejected_client',
    detail: /^invalid_client: Client not found$/,
  },
  google: {
    start: (t) => startFederation(t, google),
    mistake: { audience: '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/gone/providers/x' },
    means: 'exchange_denied',
    detail: /^invalid_target: The target service/,
  },
  entra_workload: {
    start: (t) => startFederation(t, entraWorkload),
    mistake: { client_id: 'another-app' },
    means: 'exchange_denied',
    detail: /^unauthorized_client: AADSTS700016/,
  },
  entra_on_behalf_of: {
    start: (t) => startFederation(t, entraOnBehalfOf),
    mistake: { tenant: 'elsewhere.example' },
    means: 'exchange_misconfigured',
    detail: /^invalid_request: AADSTS90002/,
  },
};

const armed = (gate: Gate, call: PermittedCall) => gate.broker.arm(call);

for (const [name, { start, mistake, means, detail }] of Object.entries(vendors)) {
  test(`${name}: what is right is armed, and told of without comparing`, async (t) => {
    const { gate, call, vendor } = await start(t);
    const opened = gate();
    const { credential } = await armed(opened, call());
    t.strictSame(opened.problems, []);
    t.match(credential.facts, {
      kind: 'exchanged',
      grant: name,
      verification: { mode: 'not_applicable', findings: [] },
    });
    t.equal(credential.facts.issued, undefined);
    t.equal(vendor.received.length, 1);
    t.equal((await opened.broker.arm(call())).cache, 'hit');
    t.notOk(JSON.stringify(vendor.received[0]?.body).includes('actor_token'), 'no vendor takes one');
  });

  test(`${name}: a mistake in the configuration: ${means}`, async (t) => {
    const { gate, call } = await start(t);
    const refused = await refusal(armed(gate(mistake), call()));
    t.equal(refused.reason, means);
    t.match(refused.detail, detail);
  });

  test(`${name}: a subject for somebody else, one that ended, one of another issuer: the agent's to mend`, async (t) => {
    const { gate, call, world, alice } = await start(t);
    const [audience = ''] = alice.audiences;
    const other = await world.issuer.mint('alice', { audience: 'https://somewhere.else' });
    const old = await world.issuer.mint('alice', { audience, lifetime: 10 });
    for (const subject of [other, old]) {
      const refused = await refusal(armed(gate(), call({ subject })));
      t.equal(refused.reason, 'subject_token_rejected');
      t.equal(refused.status, 401);
      world.clock.pass(60);
    }
  });

  test(`${name}: the issuer rotated its keys: refused until the vendor sees the new one, then not`, async (t) => {
    const { gate, call, world, alice } = await start(t);
    const { broker } = gate();
    await broker.arm(call());
    await world.issuer.rotate();
    const [audience = ''] = alice.audiences;
    const subject = await world.issuer.mint('alice', { audience });

    t.equal((await refusal(broker.arm(call({ subject })))).reason, 'subject_token_rejected');
    world.clock.pass(60);
    t.equal((await broker.arm(call({ subject }))).cache, 'miss');
  });

  test(`${name}: down, slow, or a page of somebody else: try again shortly`, async (t) => {
    const { gate, call, vendor } = await start(t);
    const faults: [Reason, Parameters<VendorServer['answerWith']>[0]][] = [
      ['issuer_failed', (response) => response.writeHead(500, { 'content-type': 'text/html' }).end('<h1>Oops</h1>')],
      ['issuer_failed', (response) => response.writeHead(529).end('{"error":{"type":"overloaded_error"}}')],
      ['issuer_failed', (response) => response.writeHead(429, { 'retry-after': '7' }).end('{"error":"slow_down"}')],
      ['issuer_failed', (response) => response.writeHead(403, { 'content-type': 'text/html' }).end('blocked')],
      ['issuer_failed', (response) => response.writeHead(302, { location: `${vendor.url}/elsewhere` }).end()],
      ['issuer_answer_malformed', (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('hello')],
      ['issuer_unreachable', (response) => response.socket?.destroy()],
    ];
    for (const [reason, raw] of faults) {
      vendor.answerWith(raw);
      const refused = await refusal(armed(gate(), call()));
      t.equal(refused.reason, reason);
      t.equal(refused.status, 503);
      t.equal(refused.retryAfter, reason === 'issuer_failed' && refused.detail?.includes('429') ? 7 : 1);
    }
    t.ok(
      vendor.received.every(({ path }) => path !== '/elsewhere'),
      'a redirect is not followed: it would carry tokens',
    );

    vendor.answerWith();
    const release = vendor.hold();
    const refused = await refusal(armed(gate({ timeout: '100ms' }), call()));
    release();
    t.equal(refused.reason, 'issuer_timeout');
  });
}

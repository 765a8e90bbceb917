// Attack: metadata services hand out the machine's identity to whoever can make the gate ask them (SSRF). The gate asks one
// only where a subject source says so, at its fixed place, with the header that proves intent, and only after an operator
// allowed the address. Held by the address policy, by the schema, and by never following a redirect.

import { test } from 'tap';
import { createAddressPolicy } from '../../src/base/addresses.ts';
import { createSend } from '../../src/base/send.ts';
import { sourceSchema } from '../../src/exchange/schema.ts';
import { openai, startFederation } from '../support/exchange-federation.ts';
import { startPlatform } from '../support/exchange-vendors/platform.ts';
import { refusal } from '../support/exchange-world.ts';

const { audience } = openai;
const sources = {
  azure: { source: 'azure_imds', resource: audience },
  google: { source: 'gcp_metadata', audience },
};

for (const [name, own] of Object.entries(sources)) {
  test(`${name}: refused unless network.allow names the address`, async (t) => {
    const { gate, call, vendor } = await startFederation(t, openai);
    const resolve: typeof import('node:dns').lookup = Object.assign(
      (_host: string, _options: object, callback: (error: null, found: object[]) => void) =>
        callback(null, [{ address: '169.254.169.254', family: 4 }]),
      { __promisify__: () => Promise.reject(new TypeError('not used')) },
    ) as never;
    const sender = createSend({ addresses: createAddressPolicy({ resolve }) });
    t.teardown(() => sender.close());
    const story = { sources: { own }, routes: [{ audience: undefined }], send: sender.send };
    const { broker } = gate({ subject_source: 'own' }, story);

    const refused = await refusal(broker.arm(call()));

    t.match(refused, { reason: 'secret_unavailable', detail: /address is refused; name it in network\.allow/ });
    t.equal(vendor.received.length, 0);
  });
}

test('the place is fixed, or on this machine: no other host is asked for the machine’s identity', (t) => {
  for (const endpoint of [
    'http://metadata.evil.example',
    'https://169.254.169.253',
    'http://10.0.0.1',
    'http://[::2]',
  ]) {
    t.notOk(sourceSchema.safeParse({ ...sources.azure, endpoint }).success, endpoint);
    t.notOk(sourceSchema.safeParse({ ...sources.google, endpoint }).success, endpoint);
  }
  t.notOk(sourceSchema.safeParse({ ...sources.google, service_account: 'default/token?x=' }).success);
  t.end();
});

test('what the agent sends reaches none of it: path, query and headers are the configuration’s', async (t) => {
  const { gate, call, world } = await startFederation(t, openai);
  const mint = async () => (await world.issuer.mint('postern', { audience })).token.reveal();
  const platform = await startPlatform(mint);
  t.teardown(() => platform.close());
  const own = { ...sources.google, endpoint: platform.url };
  const { broker } = gate({ subject_source: 'own' }, { sources: { own }, routes: [{ audience: undefined }] });
  const headers = ['metadata-flavor', 'Google', 'x-google-metadata-request', 'True'];

  await broker.arm(call({ changes: { headers, path: '/computeMetadata/v1/?recursive=true' } }));

  const [asked] = platform.received;
  const path = '/computeMetadata/v1/instance/service-accounts/default/identity';
  t.equal(asked?.path, `${path}?audience=${encodeURIComponent(audience)}`);
  t.notOk('x-google-metadata-request' in (asked?.headers ?? {}));
});

// Whatever preset a route is made from, no header that is a credential, chooses who pays, or sends the server elsewhere goes
// through it: neither stripping nor the allow-list of any preset lets one pass.

import { test } from 'tap';
import { admits, mayPass } from '../../src/routing/header-rules.ts';
import { presets, type RouteInput, routed, startGate } from '../support/routing-world.ts';

const hostile: readonly string[] = [
  ...['authorization', 'x-api-key', 'api-key', 'x-goog-api-key', 'x-chroma-token', 'x-auth-token', 'cookie'],
  ...['x-amz-security-token', 'x-amz-date', 'x-amz-content-sha256', 'dpop', 'txn-token'],
  // Weaviate: keys of its vectorizers, and where it is to send its own.
  ...['x-openai-api-key', 'x-azure-api-key', 'x-cohere-api-key', 'x-huggingface-api-key', 'x-jinaai-api-key'],
  ...['x-anthropic-api-key', 'x-voyageai-api-key', 'x-mistral-api-key', 'x-palm-api-key', 'x-google-vertex-api-key'],
  ...['x-aws-access-key', 'x-aws-secret-key', 'x-openai-organization', 'x-openai-baseurl', 'x-azure-resource-name'],
  ...['x-cohere-baseurl', 'x-weaviate-cluster-url'],
  // Elasticsearch, OpenSearch: acting as another user.
  ...['es-security-runas-user', 'es-client-authentication', 'opendistro-security-impersonate-as', 'securitytenant'],
  ...['openai-organization', 'openai-project', 'anthropic-workspace-id', 'anthropic-user-profile-id'],
  ...['x-goog-user-project', 'x-hf-bill-to', 'x-ms-oai-image-generation-deployment', 'x-databricks-token'],
];

for (const preset of presets.values()) {
  test(`${preset.preset}: none of them passes`, async (t) => {
    const upstream = preset.upstream === undefined ? { upstream: 'https://upstream.eu-central-1.amazonaws.com' } : {};
    const route: RouteInput = { preset: preset.preset, ...upstream };
    const gate = await startGate(t, [route]);
    const [first] = preset.examples.filter(({ expect, request }) => !('refused' in expect) && !request.upgrade);
    if (first === undefined) throw new Error('no example that is routed');
    const { method, path, body } = first.request;
    const headers = {
      'content-type': 'application/json',
      ...first.request.headers,
      ...Object.fromEntries(hostile.map((name) => [name, 'secret'])),
    };
    const text = typeof body === 'string' || body === undefined ? body : JSON.stringify(body);
    const call = routed(await gate.ask({ method, path, headers, body: text }));
    const left = call.headers.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase());
    const passed = left.filter((name) => hostile.includes(name) && admits(preset.headers.forward, name));
    t.strictSame(passed, []);
    t.ok(preset.headers.forward.every(mayPass));
    t.ok(Object.keys(preset.headers.set).every(mayPass));
  });
}

// Routes whose credential signs the request: the region they sign for, and bodies that are there as a whole when they are signed.

import { test } from 'tap';
import { compile, type RouteInput, routed, startGate } from '../support/routing-world.ts';

const sigv4 = (region?: string): RouteInput['placement'] => ({
  sigv4: { service: 'bedrock', ...(region !== undefined && { region }) },
});
const route = (upstream: string, placement?: RouteInput['placement']): RouteInput => ({
  preset: 'bedrock',
  upstream,
  ...(placement !== undefined && { placement }),
});

test('the region is the one written, or that of the host', (t) => {
  const regions: [string, string][] = [
    ['https://bedrock-runtime.eu-central-1.amazonaws.com', 'eu-central-1'],
    ['https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com', 'us-gov-west-1'],
    ['https://vpce-0a1b-2c3d.bedrock-runtime.ap-southeast-2.vpce.amazonaws.com', 'ap-southeast-2'],
    ['https://bedrock-runtime.cn-north-1.amazonaws.com.cn', 'cn-north-1'],
    ['https://bedrock-runtime.eu-west-1.api.aws', 'eu-west-1'],
  ];
  for (const [upstream, region] of regions) {
    const { catalogue, problems } = compile([route(upstream)]);
    t.strictSame(problems, []);
    t.strictSame(catalogue.routes[0]?.spec.placement, { kind: 'sigv4', service: 'bedrock', region });
  }
  const written = compile([route('https://bedrock-runtime.eu-west-1.amazonaws.com', sigv4('us-east-1'))]);
  t.match(written.catalogue.routes[0]?.spec.placement, { region: 'us-east-1' });
  t.end();
});

test('no region is not guessed', (t) => {
  for (const upstream of [
    'https://proxy.example.com',
    'https://bedrock-runtime.eu-west-1.amazonaws.com.evil.example',
    'https://eu-west-1.amazonaws.com',
    'http://127.0.0.1:9',
  ]) {
    const { catalogue, problems } = compile([route(upstream)]);
    t.match(problems, [{ path: ['routes', 0, 'placement'], what: /signs for no region/ }], upstream);
    t.equal(catalogue.routes.length, 0);
  }
  t.strictSame(compile([route('https://proxy.example.com', sigv4('eu-west-1'))]).problems, []);
  t.end();
});

test('headers of a signature are nobody else’s', (t) => {
  const headers = (name: string) => () =>
    compile([{ ...route('https://proxy.example.com', 'bearer'), headers: { set: { [name]: 'x' } } }]);
  for (const name of ['x-amz-date', 'x-amz-content-sha256', 'x-amz-security-token', 'x-amz-region-set']) {
    t.throws(headers(name), name);
  }
  t.end();
});

test('a body is whole before it is signed, whatever the operation, and within the limit', async (t) => {
  const upstream = 'https://bedrock-runtime.eu-central-1.amazonaws.com';
  const gate = await startGate(t, [{ ...route(upstream), inspection_limit: '128KiB' }]);
  const ask = (path: string, size: number, chunked: boolean) =>
    gate.ask({ method: 'POST', path: `/bedrock${path}`, body: Buffer.alloc(size, 'x'), chunked });
  for (const path of ['/model/m/invoke', '/something/new']) {
    for (const chunked of [false, true]) {
      t.match(routed(await ask(path, 100_000, chunked)).body, { kind: 'buffered' });
      const over = await ask(path, 140_000, chunked);
      t.match(over, { kind: 'refused', refusal: { reason: 'body_over_inspection_limit', status: 413 } });
    }
  }
});

test('without a signature such a body passes as it comes', async (t) => {
  const gate = await startGate(t, [route('https://bedrock-runtime.eu-central-1.amazonaws.com', 'bearer')]);
  const body = Buffer.alloc(100_000, 'x');
  t.match(routed(await gate.ask({ method: 'POST', path: '/bedrock/model/m/invoke', body })).body, { kind: 'stream' });
});

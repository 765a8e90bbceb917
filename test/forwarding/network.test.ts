// The `network` section: strict shape, problems reported with their path and never thrown.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Test, test } from 'tap';
import type { Problem } from '../../src/base/problem.ts';
import { compileNetwork } from '../../src/forwarding/network.ts';
import { networkSchema } from '../../src/forwarding/schema.ts';
import { tlsCert } from '../support/forwarding-upstream.ts';

function compiled(written: unknown) {
  const problems: Problem[] = [];
  const network = compileNetwork(networkSchema.parse(written), ['network'], (problem) => problems.push(problem));
  return { ...network, problems };
}

function file(t: Test, text: string): string {
  const path = join(t.testdir(), 'ca.pem');
  writeFileSync(path, text);
  return path;
}

test('nothing written is the default policy', async (t) => {
  const { addresses, ca, problems } = compiled(undefined);
  t.equal(addresses.permits('169.254.169.254'), false);
  t.equal(addresses.permits('127.0.0.1'), true);
  t.strictSame(ca, []);
  t.strictSame(problems, []);
});

test('deny and allow are compiled', async (t) => {
  const { addresses } = compiled({ deny: ['10.0.0.0/8'], allow: ['10.1.0.0/16'] });
  t.equal(addresses.permits('10.2.0.1'), false);
  t.equal(addresses.permits('10.1.0.1'), true);
});

test('what is no network, or no setting, is refused by the schema', async (t) => {
  t.equal(networkSchema.safeParse({ deny: ['10.0.0.1'] }).success, false);
  t.equal(networkSchema.safeParse({ deny: ['example.com'] }).success, false);
  t.equal(networkSchema.safeParse({ denied: [] }).success, false);
});

test('a CA file may hold several certificates', async (t) => {
  const { ca, problems } = compiled({ ca_file: file(t, `comment\n${tlsCert}\n${tlsCert}`) });
  t.equal(ca.length, 2);
  t.strictSame(problems, []);
});

for (const [name, text] of Object.entries({
  'no certificate': 'hello',
  'a broken certificate': '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
  'far too much': `${tlsCert}${' '.repeat(1_048_576)}`,
})) {
  test(`a CA file with ${name} is a problem`, async (t) => {
    const { ca, problems } = compiled({ ca_file: file(t, text) });
    t.strictSame(ca, []);
    t.match(problems, [{ path: ['network', 'ca_file'], mend: String }]);
  });
}

test('a device as CA file is read no further than its bound, and a missing file told', async (t) => {
  const { ca, problems } = compiled({ ca_file: '/dev/zero' });
  t.strictSame(ca, []);
  t.match(problems, [{ what: '/dev/zero is larger than 1048576 bytes' }]);
  t.match(compiled({ ca_file: '/nowhere/ca.pem' }).problems, [{ what: '/nowhere/ca.pem cannot be read (ENOENT)' }]);
});

test('a CA file that cannot be read is a problem', async (t) => {
  t.match(compiled({ ca_file: '/nowhere/ca.pem' }).problems, [{ path: ['network', 'ca_file'], what: /nowhere/ }]);
});

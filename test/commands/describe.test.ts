// postern routes and postern schema: what a configuration offers, and what a configuration may say.

import { test } from 'tap';
import { quickstart, run } from '../support/e2e-command.ts';

test('routes: what an agent has to set, and which credential is a standing one', async (t) => {
  const { file } = await quickstart(t);
  const people = await run(t, ['routes', '--config', file]);
  t.match(people, { code: 0, stderr: '' });
  t.match(people.stdout, /whoami +http:\S+\/whoami +local \(exchanged\) +whoami +optional +any-agent/);
  t.match(people.stdout, /the agent sets/);
  const machines = JSON.parse((await run(t, ['routes', '--json', '--config', file])).stdout);
  t.match(machines, [{ id: 'whoami', credential: 'exchanged', client: { credentialSlot: 'Authorization: Bearer' } }]);
});

test('schema: JSON Schema, as editors take it', async (t) => {
  const ended = await run(t, ['schema']);
  t.match(ended, { code: 0, stderr: '' });
  const printed = JSON.parse(ended.stdout);
  t.match(printed, { $schema: /json-schema\.org/, type: 'object', properties: { version: Object, routes: Object } });
});

// Presets of one's own: used like those that come with Postern, and a broken one stops the load like any other problem.

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { readPresets } from '../../src/wiring/presets.ts';
import { startE2e } from '../support/e2e-world.ts';

const own = `preset: tickets
title: Tickets
description: A test of ours.
path: /tickets
dialect: problem
client: { base_url: '{gate}{path}', credential_slot: 'Authorization: Bearer' }
placement: { header: x-ticket-key }
headers: { forward: [accept] }
federation: none
operations:
  - { method: GET, path: '/t/{id}', operation: tickets.get, resource: { path: id } }
examples:
  - title: One
    request: { path: /tickets/t/1 }
    expect: { upstream_path: /t/1, operation: tickets.get }
`;

test('a preset from a folder of the configuration is a preset', async (t) => {
  const world = await startE2e(t, {
    config: ({ folder, upstream }) => {
      const presets = join(folder, 'presets');
      mkdirSync(presets);
      writeFileSync(join(presets, 'tickets.yaml'), own);
      return {
        presets: [presets],
        routes: [
          {
            preset: 'tickets',
            upstream: upstream.url,
            exchange: 'corp',
            audience: 'api',
            scopes: ['read'],
            allow: [{ id: 'one', when: 'request.operation == "tickets.get" && request.resource == "1"' }],
          },
        ],
      };
    },
  });
  t.equal((await world.call('/tickets/t/1')).status, 200);
  t.match(world.upstream.received[0]?.headers['x-ticket-key'], /^eyJ/);
  t.equal((await world.call('/tickets/t/2')).status, 403);
});

test('one that is broken, or a folder that is not there, is a problem with its place', (t) => {
  const folder = t.testdir({ 'tickets.yaml': own.replace('dialect: problem', 'dialect: smoke') });
  t.throws(() => readPresets([folder]), { message: /tickets\.yaml:\d+:\d+ .*dialect/ });
  t.throws(() => readPresets(['/nowhere/at/all']), { message: /\/nowhere\/at\/all/ });
  t.end();
});

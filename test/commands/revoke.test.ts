// postern revoke: what it writes is in force at the gate that runs, what it lists is what is in force, and every slip is told.

import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Test, test } from 'tap';
import { assertPlain, freePort, quickstart, run, start } from '../support/e2e-command.ts';

/** The quickstart with a list, on an admin port that the command can know. */
async function world(t: Test) {
  const { file } = await quickstart(t, 'revocation: { file: revoked.jsonl }\n');
  const admin = `127.0.0.1:${await freePort()}`;
  writeFileSync(file, readFileSync(file, 'utf8').replace('admin: "127.0.0.1:0"', `admin: "${admin}"`));
  const list = join(dirname(file), 'revoked.jsonl');
  writeFileSync(list, '');
  return { file, list, admin, named: ['--config', file] };
}

const idOf = (text: string) => /\b(r-[\w-]+)/.exec(text)?.[1] ?? '';

test('revoked at the gate that runs, listed, lifted', async (t) => {
  const { file, list, admin, named } = await world(t);
  const gate = start(t, ['serve', '--config', file]);
  const [, url = ''] = await gate.printed('stderr', /(http:\/\/127\.0\.0\.1:\d+)/);
  t.ok(url);
  await gate.printed('stderr', /operators +http:\S+ +\/livez \/readyz \/metrics \/routes \/revocations\n/);
  const until = ['--until', '2h', '--reason', 'left the company', '--by', 'carol'];
  const revoked = await run(t, ['revoke', ...named, '--subject', '*', 'user:alice', ...until]);
  t.match(revoked, { code: 0, stderr: '' });
  t.match(
    revoked.stdout,
    /^revoked r-\S+: subject user:alice \(any issuer\), until 20\S+Z\n {2}in force at the gate on http/,
  );
  const id = idOf(revoked.stdout);
  t.match(await (await fetch(`http://${admin}/revocations`)).text(), id);

  const listed = await run(t, ['revoke', ...named, '--list']);
  t.match(listed, { code: 0, stderr: '' });
  t.match(listed.stdout, new RegExp(`${id} +subject user:alice .* carol +left the company`));
  t.match(JSON.parse((await run(t, ['revoke', ...named, '--list', '--json'])).stdout), {
    file: list,
    entries: [{ id }],
  });

  const lifted = await run(t, ['revoke', ...named, '--lift', id, '--reason', 'a mistake']);
  t.match(lifted, { code: 0, stderr: '' });
  t.match(lifted.stdout, /^lifted r-\S+: subject user:alice .*\n {2}ended at the gate on http/s);
  t.match((await run(t, ['revoke', ...named, '--list'])).stdout, /nothing is revoked/);
  t.match(
    readFileSync(list, 'utf8'),
    /^\{"id":.*\n\{"lift":.*"reason":"a mistake".*\n$/s,
    'and the list tells all of it',
  );
  gate.signal('SIGTERM');
  t.match(await gate.ended, { code: 0 });
});

test('without a gate the list is written all the same', async (t) => {
  const { list, named } = await world(t);
  const kinds = [
    ['--actor', 'https://idp.example', 'agent:planner'],
    ['--member', 'https://idp.example', 'agent:planner', '--issued-before', 'now'],
    ['--token', '98ca9d2ad3c7b079'],
    ['--root', 'O240ypL8hibYwLMJOLnIgx'],
    ['--route', 'whoami'],
  ];
  for (const what of kinds) {
    const ended = await run(t, ['revoke', ...named, ...what]);
    t.equal(ended.code, 0);
    t.match(ended.stdout, /no gate with this list answers/);
  }
  const listed = await run(t, ['revoke', '--file', list, '--list']);
  t.match(listed.stdout, /member agent:planner \(https:\/\/idp\.example\), tokens issued before 20/);
  t.match(listed.stdout, /delegation O240ypL8hibYwLMJOLnIgx/);
});

test('names that only look odd are told, and revoked', async (t) => {
  const { named, list } = await world(t);
  const route = await run(t, ['revoke', ...named, '--route', 'whoamy']);
  t.match(route, { code: 0, stderr: /no route is whoamy, so this may stop nothing; did you mean whoami\?/ });
  t.match(await run(t, ['revoke', ...named, '--actor', 'https://typo.example', 'x']), {
    ...{ code: 0, stderr: /no trusted issuer/ },
  });
  t.equal(readFileSync(list, 'utf8').trimEnd().split('\n').length, 2);
});

test('a subject of an issuer that nobody trusts is somebody else: not revoked, unless that is meant', async (t) => {
  const { named, list, file } = await world(t);
  const [, issuer = ''] = /issuer: "?(http[^"\s]+)/.exec(readFileSync(file, 'utf8')) ?? [];
  const typo = [...named, '--subject', `${issuer}/`, 'user:alice'];
  const refused = await run(t, ['revoke', ...typo]);
  t.equal(refused.code, 1);
  t.ok(refused.stderr.includes(`did you mean ${issuer}?\ntrusted are:\n  ${issuer}\n`), refused.stderr);
  t.match(refused.stderr, /Nothing was revoked; --force/);
  assertPlain(t, refused);
  t.equal(readFileSync(list, 'utf8'), '');
  t.match(await run(t, ['revoke', ...typo, '--force']), { code: 0, stderr: /no trusted issuer is/ });
  t.match(readFileSync(list, 'utf8'), /"sub":"user:alice"/);
});

test('a list with lines nobody can read is never shown as whole, nor found usable', async (t) => {
  const { list, named } = await world(t);
  writeFileSync(list, '{"route":"a"}\n{"rout":"b"}\n');
  const listed = await run(t, ['revoke', ...named, '--list']);
  t.match(listed, { code: 1, stdout: /route a/, stderr: /revoked\.jsonl:2 has a field that is not known/ });
  assertPlain(t, listed);
  const checked = await run(t, ['check', ...named]);
  t.match(checked, {
    code: 1,
    stderr: /names a list with a line that would not be in force: .*revoked\.jsonl:2 has a field/,
  });
});

const slips: [string[], number, RegExp][] = [
  [[], 2, /say what to revoke/],
  [['--subject', 'https://idp.example'], 2, /takes two values, issuer and name/],
  [['--subject', 'https://idp.example', 'a', 'b'], 2, /"b" belongs to nothing/],
  [['--route', 'a', 'b'], 2, /--route takes one value/],
  [['--route', 'a', '--token', 'b'], 2, /one thing at a time: --token, --route/],
  [['--route', 'a', '--until', 'tomorrow'], 2, /"tomorrow" is no time/],
  [['--actor', 'i', 's', '--issued-before', 'now'], 2, /goes with subject or member/],
  [['--lift', 'r-none'], 1, /no revocation r-none is in force/],
  [['--file', 'x', '--list'], 2, /--config or --file, not both/],
  // What is not carried out must not be taken for carried out.
  [['--route', 'a', '--until', '2020-01-01T00:00:00Z'], 2, /--until is in the past/],
  [['--route', 'a', '--until', '0m'], 2, /--until is in the past/],
  [['--lift', 'r-1', 'r-2'], 2, /"r-2" belongs to nothing/],
  [['--lift', 'r-1', '--subject', 'https://idp.example', 'bob'], 2, /--lift goes without --subject/],
  [['--list', '--route', 'a'], 2, /--list goes without --route/],
  [['--list', '--lift', 'r-1'], 2, /--list goes without --lift/],
];

test('slips are told, and nothing is written', async (t) => {
  const { list, named } = await world(t);
  for (const [args, code, says] of slips) {
    const ended = await run(t, ['revoke', ...named, ...args]);
    t.equal(ended.code, code, args.join(' '));
    t.match(ended.stderr, says);
    assertPlain(t, ended);
  }
  t.equal(readFileSync(list, 'utf8'), '');
});

test('a configuration without a list says what to add', async (t) => {
  const { file } = await quickstart(t);
  const ended = await run(t, ['revoke', '--config', file, '--route', 'whoami']);
  t.match(ended, { code: 1, stderr: /names no list; add it[\s\S]*revocation: \{ file: revoked\.jsonl \}/ });
});

test('a configuration that cannot be read here keeps nobody from revoking: the list can be named', async (t) => {
  const { file, list, named } = await world(t);
  writeFileSync(file, `${readFileSync(file, 'utf8')}telemetry: { headers: { a: "\${env:NOT_SET_HERE}" } }\n`);
  const ended = await run(t, ['revoke', ...named, '--route', 'whoami']);
  t.match(ended, { code: 1, stderr: /NOT_SET_HERE[\s\S]*nothing was revoked.*--file LIST/ });
  t.equal(readFileSync(list, 'utf8'), '');
  t.match(await run(t, ['revoke', '--file', list, '--route', 'whoami']), { code: 0 });
});

test('what only the gate still has, since its line was lost, can be lifted', async (t) => {
  const { file, list, admin, named } = await world(t);
  const gate = start(t, ['serve', '--config', file]);
  await gate.printed('stderr', /(http:\/\/127\.0\.0\.1:\d+)/);
  const id = idOf((await run(t, ['revoke', ...named, '--route', 'whoami'])).stdout);
  writeFileSync(list, '');
  t.match(await run(t, ['revoke', ...named, '--lift', id]), { code: 0, stdout: /ended at the gate on http/ });
  t.notMatch(await (await fetch(`http://${admin}/revocations`)).text(), id);
  gate.signal('SIGTERM');
  await gate.ended;
});

// Access taken away while the gate runs: at once for calls that come, for streams that are open, for credentials that are
// cached; for those it concerns and for nobody else; until it is lifted.

import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'tap';
import { startApp } from '../../src/app.ts';
import { answering } from '../support/e2e-issuer.ts';
import { holdStream, readStream } from '../support/e2e-stream.ts';
import { type AuditRecord, apiRoute, calls, startE2e, told } from '../support/e2e-world.ts';
import { silentLog } from '../support/log.ts';
import { rejection } from '../support/rejection.ts';
import { startRevoking } from '../support/revocation-world.ts';
import { start } from '../support/sts-issuer.ts';

const revocations = (records: readonly AuditRecord[]) =>
  records.filter(({ event }) => event === 'postern.token.revoked');

test('an open stream is cut, idle or not, and everybody else goes on', async (t) => {
  const world = await startRevoking(t);
  const opening = holdStream(world.upstream);
  const alices = await world.call('/api/stream');
  const idle = await opening;
  const openingOther = holdStream(world.upstream);
  const bobs = await world.call('/api/stream', { user: await world.user('bob') });
  const other = await openingOther;
  idle.send('data: one\n\n');
  const reader = readStream(alices);
  await reader.until('one');

  await world.revoke({ id: 'r-1', subject: world.party('user:alice'), reason: 'left the company', by: 'carol' });
  await rejection(reader.rest());
  await idle.gone;
  t.strictSame(told(await world.call('/api')), [403, 'access_revoked']);

  other.send('data: two\n\n');
  other.end();
  t.match(await readStream(bobs).rest(), /two/);
  const { records, spans } = await world.end();
  t.match(revocations(records), [
    {
      facts: {
        id: 'r-1',
        kind: 'subject',
        party: { iss: world.issuer.issuer, sub: 'user:alice' },
        reason: 'left the company',
        by: 'carol',
        ended: { credentials: 1, handles: 0, calls: 1 },
      },
    },
  ]);
  const cut = calls(records).find(({ end }) => end === 'revoked');
  t.match(cut, { event: 'postern.access.allowed', subject: { sub: 'user:alice' }, status: 200 });
  t.match(
    calls(records).find(({ status }) => status === 403),
    { reason: 'subject_revoked', detail: /r-1/ },
  );
  t.equal(
    spans.filter(({ attributes }) => attributes['postern.stream.end'] === 'revoked').length,
    2,
    'call and attempt',
  );
});

test('a line that a program appends is noticed by itself', async (t) => {
  const world = await startRevoking(t);
  const opening = holdStream(world.upstream);
  const answer = await world.call('/api/stream');
  const stream = await opening;
  await world.append({ actor: world.party('agent:planner') });
  await stream.gone;
  await rejection(readStream(answer).rest());
  t.strictSame(told(await world.call('/api', { user: null })), [403, 'access_revoked']);
});

test('a stream that began before a reload is known after it', async (t) => {
  const world = await startRevoking(t);
  const opening = holdStream(world.upstream);
  const answer = await world.call('/api/stream');
  const stream = await opening;
  world.configure({ revocation: { file: world.listFile }, routes: [apiRoute(world, { path: '/elsewhere' })] });
  await world.app.reload();
  await world.revoke({ route: 'api' });
  await stream.gone;
  await rejection(readStream(answer).rest());
  t.strictSame(told(await world.call('/elsewhere')), [403, 'access_revoked'], 'and the list outlives the reload');
});

test('a cached credential is not used again, not even after the revocation is lifted', async (t) => {
  const world = await startRevoking(t);
  const same = { agent: await world.agent(), user: await world.user() };
  t.equal((await world.call('/api', same)).status, 200);
  await world.revoke({ id: 'r-1', member: world.party('agent:planner') });
  const refused = await world.call('/api', same);
  t.strictSame(told(refused), [403, 'access_revoked']);
  t.equal(refused.headers.get('x-should-retry'), 'false');
  t.equal(world.issuer.asked.length, 1);
  await world.revoke({ lift: 'r-1' });
  t.equal((await world.call('/api', same)).status, 200);
  t.equal(world.issuer.asked.length, 2);
  const { records } = await world.end();
  t.match(records.find(({ event }) => event === 'postern.revocation.lifted')?.['facts'], { id: 'r-1', kind: 'member' });
  t.match(calls(records)[1], { reason: 'member_revoked' });
});

test('an issued credential, by the digest that its record shows', async (t) => {
  const world = await startRevoking(t);
  const same = { agent: await world.agent(), user: await world.user() };
  await world.call('/api', same);
  const first = world.upstream.received[0]?.token;
  const jti = String(world.upstream.received[0]?.claims['jti']);
  await world.revoke({ token: jti });
  t.equal((await world.call('/api', same)).status, 200, 'its parties may have another');
  t.not(world.upstream.received[1]?.token, first);
  const { records } = await world.end();
  const [exchange] = records.filter(({ event }) => event === 'postern.token.exchanged');
  t.match(revocations(records)[0]?.['facts'], { token: exchange?.['delegation_id'], ended: { credentials: 1 } });
});

test('signed out everywhere: tokens of before are refused as tokens, a new one is good', async (t) => {
  const world = await startRevoking(t);
  const before = (ms: number) => new Date(ms).toISOString();
  await world.revoke({ subject: world.party('user:alice'), issued_before: before(start) });
  t.equal((await world.call('/api')).status, 200, 'a token of this moment is not of before it');
  await world.revoke({ subject: world.party('user:alice'), issued_before: before(start + 1_000) });
  const answer = await world.call('/api');
  t.strictSame(told(answer), [401, 'credential_invalid']);
  t.match(answer.headers.get('www-authenticate'), /error="invalid_token"/);
  t.equal((await world.call('/api', { user: await world.user('bob') })).status, 200);
  const { records } = await world.end();
  t.match(calls(records)[1], { reason: 'token_revoked' });
});

test('a call that waits for the issuer when it is revoked never goes out, and leaves nothing behind', async (t) => {
  const world = await startRevoking(t);
  const asked = Promise.withResolvers<void>();
  const held = Promise.withResolvers<void>();
  const token = await world.issuer.mint({
    sub: 'user:alice',
    audience: 'api',
    scope: 'read',
    act: { sub: 'agent:planner', iss: world.issuer.issuer },
  });
  world.issuer.answerWith((response, one) => {
    asked.resolve();
    held.promise.then(() => answering(200, { access_token: token, token_type: 'Bearer' })(response, one));
  });
  const same = { agent: await world.agent(), user: await world.user() };
  const waiting = world.call('/api', same);
  await asked.promise;
  await world.revoke({ id: 'r-1', subject: world.party('user:alice') });
  held.resolve();
  t.strictSame(told(await waiting), [403, 'access_revoked']);
  t.equal(world.upstream.received.length, 0);
  await world.revoke({ lift: 'r-1' });
  t.equal((await world.call('/api', same)).status, 200);
  t.equal(world.issuer.asked.length, 2, 'what the issuer had answered was not kept');
});

test('a call that has no answer yet is refused, not cut', async (t) => {
  const world = await startRevoking(t);
  const arrived = Promise.withResolvers<void>();
  world.upstream.answerWith(() => arrived.resolve());
  const waiting = world.call('/api');
  await arrived.promise;
  await world.revoke({ subject: world.party('user:alice') });
  t.strictSame(told(await waiting), [403, 'access_revoked']);
});

test('users are named as everywhere in the audit log, and not at all on the page', async (t) => {
  const world = await startRevoking(t, {
    config: ({ folder }) => ({ audit: { sink: 'file', file: join(folder, 'audit.jsonl') } }),
  });
  await world.call('/api');
  await world.revoke({ id: 'r-1', subject: world.party('user:alice') });
  const page = await (await fetch(`${world.app.adminUrl}/revocations`)).text();
  t.match(JSON.parse(page), { problemCount: 0, entries: [{ id: 'r-1', kind: 'subject' }] });
  t.notMatch(page, 'user:alice');
  const metrics = await (await fetch(`${world.app.adminUrl}/metrics`)).text();
  t.match(metrics, /postern_revocation_entries\{postern_revocation_kind="subject"\} 1/);
  const { records } = await world.end();
  const { subject } = { subject: calls(records)[0]?.['subject'] };
  t.match(revocations(records)[0]?.['facts'], { party: { id: Object(subject)['id'] } });
  t.notMatch(JSON.stringify(records), 'user:alice');
});

test('a line that breaks while the gate runs: told by status and metric, takes nothing back, mended without a restart', async (t) => {
  const world = await startRevoking(t, { text: '{"route":"api"}\n' });
  writeFileSync(world.listFile, '{"subject":{"iss":"https://idp.exam\n{"rou');
  await world.app.revocations.refresh();
  t.strictSame(told(await world.call('/api')), [403, 'access_revoked']);
  const ready = await fetch(`${world.app.adminUrl}/readyz`);
  t.equal(ready.status, 200, 'a slip of the pen must not take every gate out of service');
  t.match(await ready.json(), { revocations: { entries: 1, problems: [{ line: 1 }, { line: 2 }, { line: 0 }] } });
  t.match(await (await fetch(`${world.app.adminUrl}/metrics`)).text(), /postern_revocation_problems 3/);
  writeFileSync(world.listFile, '{"route":"api"}\n');
  await world.app.revocations.refresh();
  const { records } = await world.end();
  const states = records.filter(({ event }) => event === 'postern.revocation.list').map(({ facts }) => facts);
  t.strictSame(states, [
    { entries: 1, problems: 0 },
    { entries: 1, problems: 3 },
    { entries: 1, problems: 0 },
  ]);
});

test('a gate does not start with a list of which a line would not be in force', async (t) => {
  const world = await startE2e(t);
  const listFile = join(world.folder, 'revoked.jsonl');
  writeFileSync(listFile, '{"route":"api"}\n{"subject":{"iss":"https://idp.exam\n');
  world.configure({ revocation: { file: listFile } });
  const { configFile } = world;
  const starting = startApp({ configFile, clock: { now: () => start }, log: silentLog, env: {}, watch: false });
  t.match(await rejection(starting), /postern\.yaml:\d+:\d+ .*revocation.*revoked\.jsonl:2 is no JSON object.*mend/s);
});

test('a list that vanishes lifts nothing, and does not take a gate out of service', async (t) => {
  const world = await startRevoking(t, { text: '{"route":"api"}\n' });
  t.equal((await fetch(`${world.app.adminUrl}/readyz`)).status, 200);
  renameSync(world.listFile, `${world.listFile}.away`);
  await world.app.revocations.refresh();
  t.strictSame(told(await world.call('/api')), [403, 'access_revoked']);
  const ready = await fetch(`${world.app.adminUrl}/readyz`);
  t.equal(ready.status, 200);
  t.match(await ready.json(), { revocations: { entries: 1, problems: [{ what: /cannot be read/ }] } });
});

test('a gate whose list is not there does not start', async (t) => {
  const world = await startE2e(t);
  world.configure({ revocation: { file: join(world.folder, 'nowhere.jsonl') } });
  const { configFile } = world;
  const starting = startApp({ configFile, clock: { now: () => start }, log: silentLog, env: {}, watch: false });
  t.match(await rejection(starting), /postern\.yaml:\d+:\d+ .*revocation.*cannot be read \(ENOENT\).*touch/s);
});

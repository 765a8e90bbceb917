// Records are put together as text. What that text must be stands here, as an object for each kind of record: the same bytes
// as JSON.stringify makes of it, whatever an agent, an issuer or an upstream wrote.

import { strictEqual } from 'node:assert';
import fc from 'fast-check';
import { test } from 'tap';
import { createNaming } from '../../src/audit/names.ts';
import { credential, exchangeAsked } from '../../src/audit/parts.ts';
import { type AuditContext, type AuditedEnd, type AuditedExchange, createRecords } from '../../src/audit/record.ts';
import { bounded, boundedList, boundedOptional } from '../../src/base/bounded.ts';
import { Refusal } from '../../src/base/errors.ts';
import { serverAddress } from '../../src/base/upstream-address.ts';
import type { ArmedCall, Arrival, KnownCall, ObservedCall, PermittedCall, Reply } from '../../src/call.ts';
import { isArmed, isKnown, isPermitted, isRouted, isStripped, pathOf } from '../../src/reached.ts';
import { armed, arrival, known, permitted, reply, routed, stripped, user } from '../support/telemetry-calls.ts';

const naming = createNaming({ form: 'raw', pseudonym: () => 'u_someone' });
const recordsWith = (ocsf: boolean) => createRecords({ form: 'raw', pseudonym: () => 'u_someone', ocsf });

const place = ({ id }: Arrival, { span, ids }: AuditContext) => ({
  request_id: id,
  trace_id: span.traceId,
  span_id: span.spanId,
  root_id: boundedOptional(ids?.rootId, 256),
  delegation_id: ids?.id,
  parent_id: ids?.parentId,
});

const parties = (call: KnownCall) => ({
  caller: naming.principal(call.caller),
  subject: naming.principal(call.subject),
  actors: naming.actors(call),
  binding: call.binding,
});

const asked = (call: Arrival) => ({
  ...(isRouted(call) && {
    route: call.route.id,
    preset: call.route.preset,
    operation: boundedOptional(call.facts.operation, 256),
    model: boundedOptional(call.facts.model, 256),
    tool: boundedOptional(call.facts.tool, 256),
  }),
  method: bounded(call.method, 32),
  path: bounded(pathOf(call), 1_024),
  peer: call.peer.address,
});

const rule = (call: Arrival) =>
  isPermitted(call) && { rule: call.decision.rule, policy_version: call.decision.policyVersion };

const owners = (call: Arrival) => isRouted(call) && { owners: call.route.owners };

const addressOf = (url: string) => {
  const { address, port } = serverAddress(url);
  return `${address}:${port}`;
};

const replied = ({ call, upstreamRequestId, bytesSent, bytesReceived, end }: Reply) => ({
  upstream: { address: addressOf(call.upstream.origin), request_id: boundedOptional(upstreamRequestId, 256) },
  bytes: { sent: bytesSent, received: bytesReceived },
  end,
});

const milliseconds = (ms: number) => Math.round(ms * 1_000) / 1_000;

const activities: Record<string, number> = { GET: 2, HEAD: 2, OPTIONS: 2, PUT: 3, PATCH: 3, DELETE: 4 };

function hints(uid: number, activity: number, outcome: string, { ids }: AuditContext, issuer?: string) {
  return {
    category_uid: Math.trunc(uid / 1_000),
    class_uid: uid,
    activity_id: activity,
    type_uid: uid * 100 + activity,
    severity_id: outcome === 'success' ? 1 : outcome === 'denied' ? 3 : 2,
    status_id: outcome === 'success' ? 1 : 2,
    delegation: ids && { uid: ids.id, parent_uid: ids.parentId, issuer_uid: issuer },
  };
}

const ofMethod = ({ method }: Arrival) => (Object.hasOwn(activities, method) && activities[method]) || 99;

const permittedObject = (call: PermittedCall, context: AuditContext, ocsf: boolean) => ({
  ...place(call, context),
  ...parties(call),
  ...asked(call),
  decision: 'allow',
  ...rule(call),
  ...owners(call),
  ocsf: ocsf ? hints(6_003, ofMethod(call), 'success', context) : undefined,
});

const exchangedObject = (exchange: AuditedExchange, context: AuditContext, ocsf: boolean) => ({
  ...place(exchange.call, context),
  ...parties(exchange.call),
  ...asked(exchange.call),
  ...rule(exchange.call),
  exchange: { ...exchangeAsked(exchange.start), outcome: exchange.outcome, oauth_error: exchange.oauthError },
  reason: exchange.refusal?.reason,
  detail: boundedOptional(exchange.refusal?.detail, 256),
  credential: exchange.facts && credential(exchange.facts),
  duration_ms: milliseconds(exchange.durationMs),
  ...owners(exchange.call),
  ocsf: ocsf ? hints(3_003, 1, exchange.outcome, context, exchange.facts?.issuer) : undefined,
});

function endedObject(end: AuditedEnd, context: AuditContext, ocsf: boolean) {
  const { call, decision, refusal } = end;
  const facts = isArmed(call) ? call.credential.facts : undefined;
  const outcome = { allow: 'success', deny: 'denied', error: 'error' }[decision];
  return {
    ...place(call, context),
    ...asked(call),
    decision,
    ...rule(call),
    reason: refusal?.reason,
    detail: boundedOptional(refusal?.detail, 256),
    code: refusal?.code,
    status: end.status,
    cache: isArmed(call) ? call.cache : undefined,
    stripped: isStripped(call)
      ? boundedList(
          call.presented.map(({ slot }) => slot),
          64,
          256,
        )
      : undefined,
    ...(end.reply && replied(end.reply)),
    duration_ms: milliseconds(end.durationMs),
    ocsf: ocsf ? hints(6_003, ofMethod(call), outcome, context, facts?.issuer) : undefined,
    ...(isKnown(call) && parties(call)),
    credential: facts && credential(facts),
    ...owners(call),
  };
}

const hostile = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({
    unit: fc.constantFrom('"', '\\', '\n', '\0', '\x7f', '\u2028', '\u202e', '\ud800', '\udc00', 'é', 'a', '/'),
  }),
  fc.string({ unit: 'grapheme-ascii', maxLength: 400 }),
  fc.constantFrom('', 'GET', 'POST', 'plain', '\u{1f525}', 'x'.repeat(300), `/${'y'.repeat(1_100)}`, '"}\n{"seq":0}'),
);
const perhaps = fc.option(hostile, { nil: undefined });
const amount = fc.oneof(fc.nat(), fc.double(), fc.constantFrom(-0, 1e21, 0.1 + 0.2));

/** A few, or more than a record lists. */
const many = fc.oneof(fc.array(hostile), fc.constant(Array.from({ length: 70 }, (_, n) => `header:${n}`)));

/** Every text that can differ from call to call, and those that many share. */
const world = fc.record({
  ...{ id: hostile, method: hostile, target: hostile, peer: hostile, slots: many },
  ...{ traceId: hostile, spanId: hostile, rootId: hostile, delegationId: hostile, parentId: perhaps },
  // Whether the delegation's id is the credential's own: what is remembered of a credential then has it too.
  named: fc.boolean(),
  ...{ actors: fc.array(hostile, { maxLength: 3 }), sub: hostile, iss: hostile },
  ...{ route: hostile, preset: perhaps, issuance: perhaps, operation: perhaps, model: perhaps, tool: perhaps },
  ...{ rule: hostile, policyVersion: hostile, issuer: perhaps, audience: perhaps, scopes: fc.array(hostile) },
  ...{ origin: fc.oneof(hostile, fc.constantFrom('https://api.openai.com', 'http://[::1]:8080')), requestId: perhaps },
  ...{ detail: perhaps, sent: amount, received: amount, status: amount, duration: amount, oauthError: perhaps },
});

type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

function callIn(of: World): ArmedCall {
  const { method, target, actors, operation, model, tool, preset } = of;
  const changes = { method, target, actors, subject: { ...user, iss: of.iss, sub: of.sub } };
  const span = { traceId: of.traceId, spanId: of.spanId, traceFlags: 0 };
  // Nothing else of an observation is read here.
  const observation = { span } as ObservedCall['observation'];
  const came = {
    ...arrival(changes),
    id: of.id,
    peer: { address: of.peer, port: 1, spiffeId: undefined },
    observation,
  };
  const [presented] = stripped(came).presented;
  const slots = of.slots.map((slot) => ({ ...(presented ?? { scheme: undefined }), slot }));
  const without = { ...stripped(came, changes), presented: slots as ArmedCall['presented'] };
  const owned = { issuance: of.issuance, policy: undefined };
  const call = routed(known(without, changes), {
    route: { id: of.route, preset, owners: owned },
    facts: { operation, model, tool },
  });
  const decided = { ...permitted(call), decision: { rule: of.rule, policyVersion: of.policyVersion } };
  const idHash = of.named ? of.delegationId : undefined;
  const facts = { issuer: of.issuer, audience: of.audience, scopesGranted: of.scopes, idHash };
  return { ...armed(decided, { credential: facts }), upstream: { origin: of.origin, path: '/' } };
}

/** The call as far as each stage brought it. */
function reachedBy(call: ArmedCall): Arrival[] {
  const { credential: _credential, cache: _cache, ...allowed } = call;
  const { decision: _decision, scopes: _scopes, ...found } = allowed;
  const { route: _route, upstream: _upstream, facts: _facts, body: _body, ...identified } = found;
  const { caller: _caller, subject: _subject, chain: _chain, ...bare } = identified;
  const { presented: _presented, ...came } = bare;
  return [call, allowed, found, identified, bare, came];
}

for (const ocsf of [false, true]) {
  test(`the text of every record is that of its object, ${ocsf ? 'with' : 'without'} OCSF hints`, (t) => {
    const records = recordsWith(ocsf);
    const same = (members: string, object: object) => strictEqual(`{${members}}`, JSON.stringify(object));
    fc.assert(
      fc.property(world, (of) => {
        const call = callIn(of);
        const ids = { rootId: of.rootId, id: of.delegationId, parentId: of.parentId };
        const context = { span: call.observation.span, ids };
        const refusal = new Refusal('policy_denied', of.detail === undefined ? {} : { detail: of.detail });
        const answer = reply(call, { upstreamRequestId: of.requestId, bytesSent: of.sent, bytesReceived: of.received });
        const { status, duration: durationMs } = of;
        const allowed = { call, decision: 'allow', status, reply: answer, refusal: undefined, durationMs } as const;
        // Twice: the second time with what is remembered.
        for (let n = 0; n < 2; n += 1)
          same(records.ended(allowed, context).members, endedObject(allowed, context, ocsf));
        for (const reached of reachedBy(call)) {
          const decision = isPermitted(reached) ? 'error' : 'deny';
          const denied = { call: reached, decision, status, reply: undefined, refusal, durationMs } as const;
          const placed = isKnown(reached) ? context : { ...context, ids: undefined };
          same(records.ended(denied, placed).members, endedObject(denied, placed, ocsf));
        }
        same(records.permitted(call, context).members, permittedObject(call, context, ocsf));
        const start = { exchange: 'corp', grant: 'g', endpoint: of.origin, audience: of.audience, scopes: of.scopes };
        const about = { call, start, oauthError: of.oauthError, durationMs };
        const { facts } = call.credential;
        const given = { ...about, outcome: 'success', facts, refusal: undefined } as const;
        same(records.exchanged(given, context).members, exchangedObject(given, context, ocsf));
        const refused = { ...about, outcome: 'denied', facts: undefined, refusal } as const;
        same(records.exchanged(refused, context).members, exchangedObject(refused, context, ocsf));
      }),
      { seed: 1, numRuns: 150 },
    );
    t.end();
  });
}

test('of one credential, each chain, tie and delegation has its own record', (t) => {
  const records = recordsWith(false);
  const observation = { span: { traceId: 't', spanId: 's', traceFlags: 0 } } as ObservedCall['observation'];
  const first = armed(permitted(routed(known(stripped({ ...arrival(), observation })))));
  const others: [string, ArmedCall, object][] = [
    ['another chain', { ...first, subject: { ...user, sub: 'bob' }, chain: { ...first.chain } }, {}],
    ['another tie', { ...first, binding: 'may_act' }, {}],
    ['another root', first, { rootId: 'root-2' }],
    ['another parent', first, { parentId: 'parent-2' }],
    ['another id', first, { id: first.id }],
  ];
  const itself: (typeof others)[number] = ['itself', first, {}];
  for (const [name, call, change] of [...others.flatMap((other) => [itself, other]), itself]) {
    const ids = { rootId: 'root-1', id: 'issued-id-hash', parentId: 'parent-1', ...change };
    const context = { span: observation.span, ids };
    const ended = { status: 200, reply: reply(call), refusal: undefined, durationMs: 1 };
    const end: AuditedEnd = { call, decision: 'allow', ...ended };
    const { members } = records.ended(end, context);
    t.equal(`{${members}}`, JSON.stringify(endedObject(end, context, false)), name);
  }
  t.end();
});

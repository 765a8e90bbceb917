// Every problem of a file in one go: what the schema says of one section must not hide what is wrong in the others.

import { test } from 'tap';
import { createInspect } from '../../src/wiring/inspect.ts';
import { load, problemsIn, validConfig } from '../support/config-world.ts';
import { silentLog } from '../support/log.ts';

const inspect = createInspect({ clock: { now: () => 0 }, log: silentLog, env: {} });
const problems = (text: string) => problemsIn(text, {}, inspect);

/** The valid configuration with a second route, and more changes. */
function text(...changes: readonly (readonly [part: string, replacement: string])[]): string {
  let changed = `${validConfig.replace('scopes:', 'audience: model-api\n    scopes:')}  - name: notes
    path: /notes
    upstream: https://notes.example
    audience: notes
    exchange: corp
    allow: [{ id: anyone }]
`;
  for (const [part, replacement] of changes) {
    if (!changed.includes(part)) throw new Error(`the text has no ${part}`);
    changed = changed.replace(part, () => replacement);
  }
  return changed;
}

test('the text these stories change is usable', async (t) => {
  const loaded = await load(text());
  await t.resolves(inspect(loaded));
});

test('a wrong type in one section, a rule, a name and a variable in others: all are told, in their order', async (t) => {
  const found = await problems(
    text(
      ['version: 1', 'version: 1\nlisten: { keep_alive: 30 }\naudit: { otlp: true }'],
      ['audiences: [postern]', 'audiences: postern'],
      ['model.like("gpt-*-mini")', 'modle == "x"'],
      ['exchange: corp\n    allow: [{', 'exchange: crop\n    resource: ["${env:NOT_SET}"]\n    allow: [{'],
    ),
  );
  t.match(found, [
    /^2:23 {2}listen\.keep_alive {2}is not a text/,
    /^3:16 {2}audit\.otlp {2}needs a collector/,
    /^7:16 {2}trust\[0\]\.audiences {2}is a text/,
    /^21:15 {2}routes\[0\]\.allow\[0\]\.when {2}uses unknown field modle/,
    /^26:15 {2}routes\[1\]\.exchange {2}names an exchange that is not there: crop/,
    /^27:16 {2}routes\[1\]\.resource\[0\] {2}needs the environment variable NOT_SET/,
  ]);
  t.equal(found.length, 6, 'and nothing that only follows from these');
});

test('an entry of a list that is broken does not move the places of those behind it', async (t) => {
  const found = await problems(
    text(
      ['scopes: [model.invoke]', 'scopes: model.invoke'],
      ['allow: [{ id: anyone }]', 'allow: [{ id: anyone, when: "nobody.knows" }]'],
    ),
  );
  t.match(found, [/^16:13 {2}routes\[0\]\.scopes {2}/, /^25:33 {2}routes\[1\]\.allow\[0\]\.when {2}/]);
  t.equal(found.length, 2);
});

test('a route with a mistake still has its rules and its exchange looked at, but not what the mistake may lead to', async (t) => {
  const found = await problems(
    text(
      ['audience: model-api', 'audiance: model-api'],
      ['model.like("gpt-*-mini")', 'modle == "x"'],
      ['exchange: corp\n    audiance', 'exchange: corb\n    audiance'],
    ),
  );
  t.match(found, [
    /routes\[0\]\.exchange .*corb/,
    /routes\[0\]\.audiance {2}is not an option/,
    /routes\[0\]\.allow.*modle/,
  ]);
  t.equal(found.length, 3, 'not that it asks for no audience');
});

test('what only follows from a broken part is not told', async (t) => {
  const brokenExchange = await problems(text(['grant: token_exchange', 'grant: exchange_of_tokens']));
  t.match(brokenExchange, [/exchanges\.corp\.grant/]);
  t.equal(brokenExchange.length, 1, 'routes name an exchange that is there');
  const brokenTrust = await problems(text(['principal: workload', 'principal: robots']));
  t.match(brokenTrust, [/trust\[0\]\.principal/]);
  t.equal(brokenTrust.length, 1);
  const secret = await problems(text(['CLIENT_SECRET', 'NOT_SET']));
  t.match(secret, [/NOT_SET/]);
  t.equal(secret.length, 1);
});

test('nor what asks for a section that is broken', async (t) => {
  const top = (section: string) => ['version: 1', `version: 1\n${section}`] as const;
  const broken: readonly (readonly [is: string, path: RegExp, ...(readonly (readonly [string, string])[])])[] = [
    ['trust', /trust\[0\]\.principal/, ['workload', 'robots'], top('identity: { mode: sidecar, token_file: own }')],
    ['telemetry', /telemetry\.endpoint/, top('telemetry: { endpoint: 4318 }\naudit: { otlp: true }')],
    ['presets', /presets/, top('presets: own'), ['preset: openai', 'preset: of-our-own']],
    [
      'identity',
      /identity\.mode/,
      top(
        'identity: { mode: sidecars }\ninbound: { listen: "127.0.0.1:0", agent: "http://127.0.0.1:1", allow: [{ id: a }] }',
      ),
    ],
    ['inbound', /^inbound/, top('inbound: { agent: 1 }'), ['path: /notes', 'path: /notes\n    subject_from: trace']],
  ];
  for (const [is, path, ...changes] of broken) {
    const found = await problems(text(...changes));
    const told = found.map((problem) => problem.split('  ')[1] ?? '');
    t.ok(told.length > 0, is);
    t.ok(
      told.every((at) => path.test(at)),
      `${is}: ${told.join(', ')}`,
    );
  }
});

test('a name that is not there is told beside an exchange that is broken, and that one is known', async (t) => {
  const found = await problems(
    text(
      ['grant: token_exchange', 'grant: no_such'],
      ['exchange: corp\n    allow: [{', 'exchange: corq\n    allow: [{'],
    ),
  );
  t.match(found, [/exchanges\.corp\.grant/, /routes\[1\]\.exchange {2}names an exchange .* did you mean corp\?/]);
});

test('a problem that only shows in what is left is told too, at its place', async (t) => {
  const found = await problems(
    text(
      ['scopes: [model.invoke]', 'scopes: model.invoke'],
      ['version: 1', 'version: 1\nlisten: { admin: "127.0.0.1:8080" }\nidentity: { mode: sidecar }'],
    ),
  );
  t.match(found, [
    /^2:18 {2}listen\.admin {2}is the address of outbound too/,
    /^3:\d+ {2}identity\.token_file {2}/,
    /^18:13 {2}routes\[0\]\.scopes/,
  ]);
});

test('what two parts say of one mistake is told once', async (t) => {
  const found = await problems(text(['name: notes', 'name: openai']));
  t.equal(found.length, 1);
});

test('what is no URL is told, wherever one is asked for more than that', async (t) => {
  const inbound = 'inbound: { listen: "127.0.0.1:0", agent: "${env:NOT_SET}", audiences: [a], allow: [{ id: a }] }';
  t.match(await problems(text(['version: 1', `version: 1\n${inbound}`])), [/agent {2}needs the environment variable/]);
  const typo = await problems(
    text(['version: 1', `version: 1\n${inbound.replace('${env:NOT_SET}', '127.0.0.1:3000')}`]),
  );
  t.match(typo[0], /inbound\.agent {2}is not an absolute http\(s\) URL/);
  const issuer = 'sts: { embedded: { issuer: "localhost", listen: "127.0.0.1:0" } }';
  const embedded = await problems(text(['version: 1', `version: 1\n${issuer}`]));
  t.match(embedded, [/sts\.embedded\.issuer {2}is not an absolute http\(s\) URL/]);
  const source = 'subject_sources: { vm: { source: gcp_metadata, audience: a, endpoint: "metadata" } }';
  const metadata = await problems(text(['version: 1', `version: 1\n${source}`]));
  t.match(metadata, [/subject_sources\.vm\.endpoint {2}is not an absolute http\(s\) URL/]);
});

test('exchanges written as a list: no route is told that its exchange is not there', async (t) => {
  const found = await problems(
    text(['  corp:\n    grant: token_exchange\n    issuer', '  - grant: token_exchange\n    name: corp\n    issuer']),
  );
  t.match(found, [/exchanges {2}is a list/]);
  t.equal(found.length, 1);
});

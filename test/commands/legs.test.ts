// A credential that was made in several legs: whoever reads the log, or asks beforehand, is told of all of them.

import { test } from 'tap';
import { credential } from '../../src/audit/parts.ts';
import { describeCredential } from '../../src/commands/audit-text.ts';
import { printExplanation } from '../../src/commands/explanation.ts';
import type { Explanation } from '../../src/wiring/explain.ts';
import { credentialFacts } from '../support/telemetry-calls.ts';

const first = credentialFacts({ credential: { exchange: 'corp', fingerprint: 'a1a2a3a4a5a6a7a8', idHash: 'b1b2' } });
const facts = credentialFacts({ credential: { exchange: 'aws', grant: 'aws_web_identity', via: [first] } });

test('the record names each leg, and by what to find its own record', (t) => {
  const record = JSON.parse(JSON.stringify({ credential: credential(facts), cache: 'hit' }));
  t.strictSame(record.credential.via, [
    {
      ...{ exchange: 'corp', grant: first.grant, issuer: first.issuer, audience: first.audience },
      ...{ fingerprint: 'a1a2a3a4a5a6a7a8', id_hash: 'b1b2' },
    },
  ]);
  t.match(describeCredential(record), /, by way of corp \(token_exchange\), lives .*, from cache \(hit\)$/);

  const { via, ...alone } = facts;
  const single = JSON.parse(JSON.stringify({ credential: credential(alone), cache: 'hit' }));
  t.equal(single.credential.via, undefined);
  t.notMatch(describeCredential(single), /by way of/);
  t.equal(via?.length, 1);
  t.end();
});

test('a file that says something else of legs is fit for a terminal all the same', (t) => {
  t.match(describeCredential({ credential: { kind: 'exchanged', via: ['\u001b[2J'] } }), /by way of [^\u001b]*,/);
  t.notMatch(describeCredential({ credential: { kind: 'exchanged', via: 'x' } }), /by way of/);
  t.end();
});

test('explain: the legs in their order, the last with what it asks for', (t) => {
  const nothing = { issuer: undefined, clientId: undefined, audience: undefined, maxLifetime: undefined };
  const last: Explanation['plan'] & object = {
    ...nothing,
    ...{ exchange: 'aws', grant: 'aws_web_identity', endpoint: 'https://sts.example/', scopes: ['s'] },
    kind: 'exchanged',
    verify: 'not_applicable',
    ...{ requestedTokenType: '', resources: [], via: [] },
  };
  const via = [{ exchange: 'corp', grant: 'token_exchange', endpoint: 'https://idp.example/token' }];
  t.match(
    printExplanation({ plan: { ...last, via } }).replaceAll(/ +/g, ' '),
    /arm first corp: token_exchange, at https:\/\/idp\.example\/token\n then aws: aws_web_identity, at https:\/\/sts\.example\/\n scope s/,
  );
  t.match(printExplanation({ plan: last }).replaceAll(/ +/g, ' '), /arm aws: aws_web_identity/);
  t.end();
});

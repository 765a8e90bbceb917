import { test } from 'tap';
import { queryHolds, queryParameter } from '../../src/routing/query.ts';
import { reasonOf } from '../support/routing-world.ts';

test('a parameter is read decoded, and once', (t) => {
  t.equal(queryParameter('?a=1&model=gpt%2D5+mini&b', 'model'), 'gpt-5 mini');
  t.equal(queryParameter('?model', 'model'), '');
  t.equal(queryParameter('?a=model', 'model'), undefined);
  t.equal(queryParameter('?', 'model'), undefined);
  t.equal(queryParameter('', 'model'), undefined);
  t.end();
});

const hostile: readonly (readonly [query: string, reason: string])[] = [
  ['?model=small&model=large', 'body_field_ambiguous'],
  ['?model=small&Model=large', 'body_field_ambiguous'],
  ['?MODEL=large', 'body_field_ambiguous'],
  ['?model=small&m%6fdel=large', 'body_field_ambiguous'],
  ['?model=small;model=large', 'body_field_ambiguous'],
  ['?model=small;x', 'body_field_ambiguous'],
  ['?model=small%00large', 'body_malformed'],
  ['?model=%ff', 'target_malformed'],
  ['?model=small&x=%', 'target_malformed'],
];

test('a parameter that can be read in two ways is refused', (t) => {
  for (const [query, reason] of hostile)
    t.equal(
      reasonOf(() => queryParameter(query, 'model')),
      reason,
      query,
    );
  t.end();
});

test('parameters are found however they are spelt', (t) => {
  const blocked = new Set(['$httpmethod']);
  for (const query of ['?$httpMethod=GET', '?a&%24httpmethod=GET', '?a;$HTTPMETHOD', '?%24%68ttpMethod']) {
    t.ok(queryHolds(query, blocked), query);
  }
  t.notOk(queryHolds('?x=$httpMethod&httpMethod', blocked));
  t.end();
});

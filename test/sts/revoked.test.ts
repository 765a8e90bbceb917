import { test } from 'tap';
import { createRevokedTokens } from '../../src/sts/revoked.ts';
import { clockAt, start } from '../support/sts-issuer.ts';

const now = start / 1_000;

test('when full of live revocations it refuses rather than forgets', (t) => {
  const clock = clockAt(start);
  const revoked = createRevokedTokens(clock);
  for (let index = 0; index < 100_000; index += 1) revoked.add(`jti-${index}`, now + 60);
  t.equal(revoked.add('one-more', now + 60), false);
  t.equal(revoked.has('jti-0'), true, 'the oldest is still revoked');
  t.equal(revoked.has('one-more'), false);
  clock.advance(60);
  t.equal(revoked.add('one-more', now + 120), true, 'expired ones make room');
  t.equal(revoked.has('one-more'), true);
  t.end();
});

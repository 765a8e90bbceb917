// Every reason has a public code, and what the operator is told never becomes what the client is told.

import { test } from 'tap';
import { asRefusal, publicCodes, type Reason, Refusal, reasons } from '../../src/base/errors.ts';

test('each reason maps to a code that exists, and no code is unused', (t) => {
  const used = new Set<string>(Object.values(reasons));
  for (const code of used) t.ok(code in publicCodes, code);
  t.strictSame(
    Object.keys(publicCodes).filter((code) => !used.has(code)),
    [],
  );
  t.end();
});

test('public messages do not tell which check failed', (t) => {
  const telling = /signature|audience|algorithm|claim|rule|scope|issuer said|loop/i;
  for (const { message } of Object.values(publicCodes)) t.notMatch(message, telling);
  t.end();
});

test('an unexpected failure refuses the call and keeps its text to itself', (t) => {
  const refusal = asRefusal(new TypeError('secret sk-canary in a stack'));
  t.equal(refusal.reason, 'internal_fault' satisfies Reason);
  t.equal(refusal.status, 500);
  t.equal(refusal.detail, 'TypeError');
  t.end();
});

test('details are bounded and stay on one line', (t) => {
  const refusal = new Refusal('policy_denied', { detail: `a\r\nX-Injected: 1\u2028\u202e${'x'.repeat(1_000)}` });
  t.equal(refusal.detail?.length, 256);
  t.notMatch(refusal.detail ?? '', /[\r\n\u2028\u202e]/);
  t.end();
});

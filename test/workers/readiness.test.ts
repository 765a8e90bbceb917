// A crew is ready when all of it is.

import { test } from 'tap';
import type { Readiness } from '../../src/wiring/readiness.ts';
import { mergeReadiness } from '../../src/wiring/workers/readiness.ts';

type Exchange = Readiness['exchanges'][number];

const exchange: Exchange = {
  ...{ name: 'corp', grant: 'token_exchange', kind: 'exchanged', issuer: 'https://idp', endpoint: 'https://idp/token' },
  ...{ clientId: 'postern', routes: ['api'], legs: [], inFlight: 1 },
  ...{ ready: true, lastSuccessAt: undefined, lastFailure: undefined },
};

function worker(changes: Partial<Readiness> = {}, ofExchange: Partial<Exchange> = {}): Readiness {
  const trust = { trust: 'corp', issuer: 'https://idp', ready: true, keysAgeSeconds: 1 };
  return { ready: true, waitingFor: [], trust: [trust], exchanges: [{ ...exchange, ...ofExchange }], ...changes };
}

function crew(...states: (Readiness | undefined)[]): Readiness {
  return mergeReadiness(new Map(states.map((state, at) => [at + 1, state])));
}

test('all ready: ready, and what they know of an issuer is told as one', (t) => {
  const failed = { at: 5, reason: 'issuer_timeout' } as const;
  const state = crew(worker({}, { lastSuccessAt: 7 }), worker({}, { lastSuccessAt: 9, lastFailure: failed }));
  t.match(state, { ready: true, waitingFor: [] });
  t.equal(state.exchanges.length, 1);
  t.match(state.exchanges, [{ inFlight: 2, lastSuccessAt: 9, lastFailure: failed }]);
  t.end();
});

test('one that waits for an issuer makes the gate wait', (t) => {
  const waiting = worker({ ready: false, waitingFor: ['exchange corp'] }, { ready: false });
  t.match(crew(worker(), waiting), { ready: false, waitingFor: ['exchange corp'], exchanges: [{ ready: false }] });
  t.end();
});

test('one that is not there is named', (t) => {
  t.match(crew(worker(), undefined), { ready: false, waitingFor: ['worker 2'] });
  t.match(crew(undefined, undefined), { ready: false, waitingFor: ['worker 1', 'worker 2'], trust: [] });
  t.end();
});

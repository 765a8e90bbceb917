// Single flight: one exchange per key, shared by all who wait, hurt by none who leave.

import { test } from 'tap';
import { createFlights } from '../../src/exchange/flights.ts';
import { rejection } from '../support/rejection.ts';

function slow() {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let starts = 0;
  const start = () => {
    starts += 1;
    return promise;
  };
  return { start, land: resolve, crash: reject, starts: () => starts };
}

test('many wait for one flight, and only its starter led it', async (t) => {
  const flights = createFlights<string>();
  const flight = slow();
  const waiting = Array.from({ length: 100 }, () => flights.join('k', flight.start));
  t.equal(flights.size(), 1);
  flight.land('token');

  const landed = await Promise.all(waiting);

  t.equal(flight.starts(), 1);
  t.equal(landed.filter(({ led }) => led).length, 1);
  t.ok(landed.every(({ value }) => value === 'token'));
  t.equal(flights.size(), 0);
});

test('other keys fly on their own, and the next after landing starts anew', async (t) => {
  const flights = createFlights<string>();
  await Promise.all([flights.join('a', async () => '1'), flights.join('b', async () => '2')]);
  t.strictSame(await flights.join('a', async () => '3'), { value: '3', led: true });
});

test('one waiter leaves, even the first: the others get the result', async (t) => {
  const flights = createFlights<string>();
  const flight = slow();
  const leaving = new AbortController();
  const first = rejection(flights.join('k', flight.start, leaving.signal));
  const second = flights.join('k', flight.start);
  const third = flights.join('k', flight.start, new AbortController().signal);

  leaving.abort(new Error('the client went away'));
  t.match(await first, { message: 'the client went away' });
  flight.land('token');

  t.equal((await second).value, 'token');
  t.equal((await third).value, 'token');
  t.equal(flight.starts(), 1);
});

test('everybody leaves and the flight crashes: nobody is hurt', async (t) => {
  const flights = createFlights<string>();
  const flight = slow();
  const leaving = new AbortController();
  const alone = rejection(flights.join('k', flight.start, leaving.signal));
  leaving.abort(new Error('gone'));
  await alone;

  flight.crash(new Error('issuer down'));
  await new Promise(setImmediate); // an unhandled rejection would end the process here
  t.equal(flights.size(), 0);
});

test('who has left already does not start anything', async (t) => {
  const flight = slow();
  await rejection(createFlights<string>().join('k', flight.start, AbortSignal.abort(new Error('gone'))));
  t.equal(flight.starts(), 0);
});

test('a crash reaches everybody, and is over with that', async (t) => {
  const flights = createFlights<string>();
  const flight = slow();
  const waiting = [1, 2, 3].map(() => rejection(flights.join('k', flight.start)));
  flight.crash(new Error('issuer down'));
  for (const failure of await Promise.all(waiting)) t.equal(failure.message, 'issuer down');
  t.equal((await flights.join('k', async () => 'ok')).value, 'ok');
});

test('the wait has an end', async (t) => {
  const flights = createFlights<string>({ waitMs: 1 });
  const alive = setInterval(() => {}, 1_000); // the limit alone keeps no process alive
  t.teardown(() => clearInterval(alive));
  const waiting = [1, 2].map(() => rejection(flights.join('k', slow().start)));
  for (const failure of await Promise.all(waiting)) t.match(failure, { reason: 'issuer_timeout', retryAfter: 1 });
  t.equal(flights.has('k'), false);
});

test('flights and waiters are bounded', async (t) => {
  const flights = createFlights<string>({ maxFlights: 2, maxWaiters: 3 });
  const flight = slow();
  const under = [flights.join('a', flight.start), flights.join('b', flight.start)];
  t.match(await rejection(flights.join('c', flight.start)), { reason: 'exchange_overloaded' });
  under.push(flights.join('a', flight.start));
  t.match(await rejection(flights.join('a', flight.start)), { reason: 'exchange_overloaded' });

  flight.land('token');
  await Promise.all(under);
  t.equal((await flights.join('c', async () => 'ok')).value, 'ok', 'room again');
});

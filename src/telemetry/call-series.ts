// The series that calls of one route add to, found again by comparing the few words they follow from: walking the labels of ten
// instruments for every call took three times as long and made ten lists. Remembered with the route, and given up with it.
// Must never hold more than a few of a route: what is not remembered is looked up as anything else, by its labels.

import { serverAddress } from '../base/upstream-address.ts';
import type { ArmedCall, Route } from '../call.ts';
import { methodOf, schemeOf } from '../reached.ts';
import type { CallEnd } from './call-end.ts';
import type { Instrument, Series } from './instruments.ts';

/** Remembered of one route and kind; stops odd methods and statuses from making every call compare many. */
const maxRemembered = 16;

export interface CallInstruments {
  readonly active: Instrument;
  readonly serverDuration: Instrument;
  readonly decisions: Instrument;
  readonly depth: Instrument;
  readonly cacheRequests: Instrument;
  readonly overhead: Instrument;
  readonly credentialUses: Instrument;
  readonly remainingLifetime: Instrument;
  readonly clientDuration: Instrument;
}

/** Of a call that was answered. */
export interface AnsweredSeries {
  readonly active: Series;
  readonly duration: Series;
  readonly decisions: Series;
  readonly depth: Series;
  readonly cacheRequests: Series;
  readonly overhead: Series;
}

/** Of a credential that is put on a request. */
export interface UsedSeries {
  readonly uses: Series;
  /** Of a credential whose end is known. */
  readonly lifetime: Series | undefined;
}

export interface CallSeries {
  arrived(method: string, scheme: string): Series;
  /** @param end with a reply */
  answered(call: ArmedCall, end: CallEnd): AnsweredSeries;
  used(call: ArmedCall): UsedSeries;
  attempted(call: ArmedCall, status: number | undefined, error: string | undefined): Series;
}

interface Answered extends AnsweredSeries, Pick<CallEnd, 'status' | 'errorType'> {
  readonly method: string;
  readonly scheme: string;
  readonly cache: string;
}

interface Used extends UsedSeries {
  readonly kind: string;
  readonly exchange: string | undefined;
}

interface Attempted {
  readonly method: string;
  readonly origin: string;
  readonly status: number | undefined;
  readonly error: string | undefined;
  readonly duration: Series;
}

interface Remembered {
  readonly answered: Answered[];
  readonly used: Used[];
  readonly attempted: Attempted[];
}

export function createCallSeries(instruments: CallInstruments): CallSeries {
  const routes = new WeakMap<Route, Remembered>();
  const arrivals: { readonly method: string; readonly scheme: string; readonly active: Series }[] = [];

  function of(route: Route): Remembered {
    const known = routes.get(route);
    if (known !== undefined) return known;
    const made: Remembered = { answered: [], used: [], attempted: [] };
    routes.set(route, made);
    return made;
  }

  function arrived(method: string, scheme: string): Series {
    for (const one of arrivals) if (one.method === method && one.scheme === scheme) return one.active;
    const active = instruments.active.series([method, scheme]);
    // Methods are a closed list here, and schemes two.
    arrivals.push({ method, scheme, active });
    return active;
  }

  function findAnswered(call: ArmedCall, { status, errorType }: CallEnd): Answered {
    const { method, cache, route } = call;
    const scheme = schemeOf(call);
    const { answered } = of(route);
    for (const one of answered) {
      if (one.status !== status || one.cache !== cache || one.method !== method) continue;
      if (one.scheme === scheme && one.errorType === errorType) return one;
    }
    const shown = methodOf(method);
    return remember(answered, {
      ...{ method, scheme, cache, status, errorType },
      active: arrived(shown, scheme),
      duration: instruments.serverDuration.series([shown, scheme, route.pattern, String(status), errorType]),
      decisions: instruments.decisions.series(['allow', undefined, route.pattern]),
      depth: instruments.depth.series([]),
      cacheRequests: instruments.cacheRequests.series([cache]),
      overhead: instruments.overhead.series([route.pattern]),
    });
  }

  return {
    arrived,
    answered: findAnswered,
    used({ route, credential: { facts } }) {
      const { kind, exchange } = facts;
      const { used } = of(route);
      const ends = facts.expiresAt !== undefined;
      for (const one of used) {
        if (one.kind === kind && one.exchange === exchange && (one.lifetime !== undefined) === ends) return one;
      }
      return remember(used, {
        ...{ kind, exchange },
        uses: instruments.credentialUses.series([kind, exchange]),
        lifetime: ends ? instruments.remainingLifetime.series([exchange]) : undefined,
      });
    },
    attempted({ route, facts: { method }, upstream: { origin } }, status, error) {
      const { attempted } = of(route);
      for (const one of attempted) {
        if (one.status !== status || one.method !== method) continue;
        if (one.origin === origin && one.error === error) return one.duration;
      }
      const { address, port } = serverAddress(origin);
      const code = status === undefined ? undefined : String(status);
      const duration = instruments.clientDuration.series([methodOf(method), address, String(port), code, error]);
      return remember(attempted, { method, origin, status, error, duration }).duration;
    },
  };
}

function remember<T>(all: T[], one: T): T {
  if (all.length < maxRemembered) all.push(one);
  return one;
}

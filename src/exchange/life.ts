// How long a credential may be used: the shortest of all lives involved, less a margin for clocks and for the way to the
// upstream. Pure. Must never give a credential a longer life than the tokens it was obtained with (the opposite wish,
// a cached credential that outlives its subject's token, is an explicit no: LibreChat#14693).

/** Largest margin, in ms: clock skew plus the time a request needs to be judged by the upstream. */
const maxMargin = 30_000;

/** Largest margin as a part of the life: a token of one minute would else be used for half of it only. */
const marginShare = 0.2;

/** Last part of the usable life in which it is renewed ahead of need. */
const refreshShare = 0.2;

/** Life of a credential of which nobody says when it ends, in ms. */
const unknownLife = 60_000;

export interface Lives {
  /** When it was asked for, ms since the epoch: earlier than issued, so that a slow answer shortens the life. */
  readonly askedAt: number;
  /** When the credential itself ends, ms since the epoch; undefined when nobody says. */
  readonly endsAt: number | undefined;
  /** When the first of the tokens it was obtained with ends, ms since the epoch; undefined for the gate's own identity. */
  readonly inputsEndAt: number | undefined;
  /** The route's limit, in ms. */
  readonly maxLifetimeMs: number | undefined;
}

export interface Life {
  /** Ms since the epoch; from here on it is not handed out. */
  readonly usableUntil: number;
  /** Ms since the epoch; undefined where a renewed one could not live longer anyway. */
  readonly refreshFrom: number | undefined;
}

export function lifeOf({ askedAt, endsAt, inputsEndAt, maxLifetimeMs }: Lives): Life {
  const own = Math.min(endsAt ?? askedAt + unknownLife, askedAt + (maxLifetimeMs ?? Number.POSITIVE_INFINITY));
  const end = Math.min(own, inputsEndAt ?? Number.POSITIVE_INFINITY);
  const margin = Math.min(maxMargin, Math.max(0, end - askedAt) * marginShare);
  const usableUntil = end - margin;
  const refreshFrom = end < own ? undefined : usableUntil - (usableUntil - askedAt) * refreshShare;
  return { usableUntil, refreshFrom };
}

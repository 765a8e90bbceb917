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

/** When the tokens end that a credential is obtained with, ms since the epoch. */
export interface Bounds {
  /** The first of those that came with the call; undefined for the gate's own identity. No renewal can outlive it. */
  readonly callEndsAt: number | undefined;
  /** The subject token where it is the gate's to renew (of a source, of an earlier leg); undefined where it does not bound. */
  readonly subjectEndsAt: number | undefined;
}

export interface Lives extends Bounds {
  /** When it was asked for, ms since the epoch: earlier than issued, so that a slow answer shortens the life. */
  readonly askedAt: number;
  /** When the credential itself ends, ms since the epoch; undefined when nobody says. */
  readonly endsAt: number | undefined;
  /** The route's limit, in ms. */
  readonly maxLifetimeMs: number | undefined;
}

export interface Life {
  /** Ms since the epoch, without margin. */
  readonly endsAt: number;
  /** Ms since the epoch; from here on it is not handed out. */
  readonly usableUntil: number;
  /** Ms since the epoch; undefined where a renewed one could not live notably longer. */
  readonly refreshFrom: number | undefined;
}

export function lifeOf({ askedAt, endsAt, callEndsAt, subjectEndsAt, maxLifetimeMs }: Lives): Life {
  const own = Math.min(endsAt ?? askedAt + unknownLife, askedAt + (maxLifetimeMs ?? Number.POSITIVE_INFINITY));
  const renewable = Math.min(own, subjectEndsAt ?? Number.POSITIVE_INFINITY);
  const end = Math.min(renewable, callEndsAt ?? Number.POSITIVE_INFINITY);
  const margin = Math.min(maxMargin, Math.max(0, end - askedAt) * marginShare);
  const usableUntil = end - margin;
  // Vendors that cap by the subject token round down: a renewal would gain a second, and cost an assertion.
  const gains = (callEndsAt ?? Number.POSITIVE_INFINITY) - end > margin;
  const refreshFrom = gains ? usableUntil - (usableUntil - askedAt) * refreshShare : undefined;
  return { endsAt: end, usableUntil, refreshFrom };
}

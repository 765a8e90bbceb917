// A way to bring bytes to a collector and its answer back: by the gate's own client (otlp-plain.ts) or by Node's (otlp-node.ts).
// Types, and what both hold to.

/** Largest answer read, in bytes; a collector's is empty or a few words. Stops one that talks for ever. */
export const maxAnswer = 65_536;

/** Header fields without `content-length`, by names in lower case. */
export type Fields = ReadonlyMap<string, string>;

export interface Answered {
  readonly status: number;
  readonly retryAfter: string | undefined;
  /** Undefined where it did not come whole, or was too large. */
  readonly body: Buffer | undefined;
}

export interface UnderWay {
  /** Rejects where no status came. */
  readonly answered: Promise<Answered>;
  /** Ends it now, and its connection: `answered` settles with the status, if there was one, else rejects with this. */
  end(why: Error): void;
}

/**
 * Posts a body. Never throws; connections do not keep the process alive.
 * @param body must stay as it is until it is answered
 */
export type Way = (fields: Fields, body: Buffer) => UnderWay;

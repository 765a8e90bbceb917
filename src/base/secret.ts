// A value that must never be printed: a token, a key, a password.
// It shows only a fingerprint to loggers, serialisers and inspectors. `reveal()` is the one way to the value;
// the architecture test names the few files that may call it.

import { hash } from 'node:crypto';
import { inspect } from 'node:util';

export class Secret {
  readonly #value: string;
  #fingerprint: string | undefined;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Only for placing it on a request, hashing it or verifying it. */
  reveal(): string {
    return this.#value;
  }

  /** A short, stable digest to join records by: the first 16 hex digits of SHA-256. Not reversible for random secrets. */
  get fingerprint(): string {
    this.#fingerprint ??= hash('sha256', this.#value, 'hex').slice(0, 16);
    return this.#fingerprint;
  }

  /** Length in characters: the only other fact that may be told. */
  get length(): number {
    return this.#value.length;
  }

  toString(): string {
    return `[secret sha256:${this.fingerprint}]`;
  }

  toJSON(): string {
    return this.toString();
  }

  [Symbol.toPrimitive](): string {
    return this.toString();
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

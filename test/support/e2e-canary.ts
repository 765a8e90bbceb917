// Canaries: secrets that nobody else would write, each with the name of the place it was put, and a net over everything a gate
// lets out to agents, operators and collectors. What the issuer and the upstream are meant to receive is not in the net.

import { randomBytes } from 'node:crypto';

export interface Net {
  /** A secret to put somewhere; `where` names it when it turns up. */
  plant(where: string): string;
  /** A token that exists already. */
  watch(where: string, token: string): string;
  /** Something the gate let out. */
  caught(what: string, text: string | Uint8Array): void;
  /** An answer: status text, headers and body. */
  answer(what: string, response: Response): Promise<Response>;
  /** Which secrets turned up where. Empty is well. */
  found(): readonly string[];
  /** How much was looked at, so that a test can tell a clean net from an empty one. */
  readonly size: number;
}

export function castNet(): Net {
  const secrets: { where: string; spelled: readonly string[] }[] = [];
  const catches: { what: string; text: string }[] = [];
  let size = 0;

  function caught(what: string, text: string | Uint8Array): void {
    const read = typeof text === 'string' ? text : Buffer.from(text).toString('latin1');
    size += read.length;
    catches.push({ what, text: read });
  }

  return {
    plant(where) {
      const value = `canary${randomBytes(15).toString('hex')}`;
      secrets.push({ where, spelled: forms(value) });
      return value;
    },
    watch(where, token) {
      secrets.push({ where, spelled: forms(token) });
      return token;
    },
    caught,
    async answer(what, response) {
      const body = await response.text();
      caught(what, [response.statusText, ...[...response.headers].flat(), body].join('\n'));
      return response;
    },
    found() {
      return secrets.flatMap(({ where, spelled }) =>
        catches
          .filter(({ text }) => spelled.some((form) => text.includes(form)))
          .map(({ what }) => `${where} in ${what}`),
      );
    },
    get size() {
      return size;
    },
  };
}

/** Spellings in which a secret would still be one, and parts of a token that tell of it: its signature, its claims. */
function forms(secret: string): readonly string[] {
  const parts = secret.startsWith('eyJ') ? secret.split('.') : [];
  const [, payload = '', signature = secret] = parts;
  const claims = payload.slice(30, 90);
  const bytes = Buffer.from(secret);
  const spelled = [
    signature,
    encodeURIComponent(signature),
    bytes.toString('base64').slice(0, -4),
    bytes.toString('hex'),
  ];
  return claims === '' ? spelled : [...spelled, claims];
}

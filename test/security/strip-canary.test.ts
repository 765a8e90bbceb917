// Attack: a credential put where the gate does not look, in odd case, twice, under an odd name or encoding, so that the
// upstream (or its logs) receives it. Whatever is sent, a canary in any known slot must not survive in what is forwarded.

import fc from 'fast-check';
import { test } from 'tap';
import { credentialParameters } from '../../src/identity/slots.ts';
import { credentialHeaders } from '../../src/identity/slots-headers.ts';
import { stripped } from '../support/identity-world.ts';

const canary = 'canary0canary';
const runs = { seed: 1, numRuns: 150 };

const oddCase = (text: string) =>
  fc
    .array(fc.boolean(), { minLength: text.length, maxLength: text.length })
    .map((upper) => [...text].map((char, i) => (upper[i] ? char.toUpperCase() : char)).join(''));

const credentialHeader = fc
  .oneof(
    fc.constantFrom(...credentialHeaders),
    fc.constantFrom('x-acme-api-key', 'x-acme-secret', 'acme-token', 'x-cohere-api-key', 'my-apikey', 'x-acme-jwt'),
  )
  .chain(oddCase)
  .chain((name) => fc.constantFrom(name, name.replaceAll('-', '_')));

const headerLine = fc.tuple(
  credentialHeader,
  fc.constantFrom(canary, `Bearer ${canary}`, `a=b; c=${canary}`, ` ${canary} `, `Token ${canary}`),
);
const harmlessLine = fc.tuple(
  fc.constantFrom('accept', 'X-Title', 'content-type', 'Connection', 'mcp-name'),
  fc.constantFrom('close', 'keep-alive', 'authorization', 'x-api-key'),
);

test('no header slot lets a canary through', (t) => {
  fc.assert(
    fc.property(fc.array(fc.oneof(headerLine, harmlessLine), { maxLength: 12 }), (lines) => {
      const call = stripped(lines.flat());
      return !call.headers.some((text) => text.includes(canary)) && !call.subprotocols.join().includes(canary);
    }),
    runs,
  );
  t.end();
});

/** A name as an attacker may write it: some characters percent-encoded, once or twice, in either case of hex. */
const encodedName = (name: string) =>
  fc.array(fc.constantFrom(0, 1, 2), { minLength: name.length, maxLength: name.length }).map((depths) =>
    [...name]
      .map((char, i) => {
        const hex = char.charCodeAt(0).toString(16);
        return [char, `%${hex}`, `%25${hex.toUpperCase()}`][depths[i] ?? 0];
      })
      .join(''),
  );

const parameter = fc
  .constantFrom(...credentialParameters, 'api_key', 'X-Amz-Signature', 'access-token', 'client_secret', 'key[]', '+key')
  .chain(oddCase)
  .chain(encodedName)
  .map((name) => `${name}=${canary}`);
const harmlessParameter = fc.constantFrom('a=1', 'alt=sse', 'page_token=x', 'b', '', 'model=gpt%2F4');

test('no query parameter lets a canary through', (t) => {
  const pieces = fc.array(fc.tuple(fc.oneof(parameter, harmlessParameter), fc.constantFrom('&', ';', '?', '&&')), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(pieces, (list) => !stripped([], `/v1/x?${list.flat().join('')}`).path.includes(canary)),
    runs,
  );
  t.end();
});

test('what is no credential stays as it was', (t) => {
  fc.assert(
    fc.property(
      fc.array(
        harmlessParameter.filter((text) => text !== ''),
        { minLength: 1, maxLength: 8 },
      ),
      (list) => {
        const target = `/v1/x?${list.join('&')}`;
        return stripped([], target).path === target;
      },
    ),
    runs,
  );
  t.end();
});

test('no subprotocol lets a canary through', (t) => {
  const item = fc.oneof(
    fc.constantFrom('realtime', 'mcp', 'openai-beta.realtime-v1', 'graphql-ws', ''),
    fc
      .constantFrom(
        'openai-insecure-api-key.',
        'openai-organization.',
        'authorization.bearer.',
        'bearer.',
        'token, ',
        'bearer,',
      )
      .chain(oddCase)
      .map((prefix) => `${prefix}${canary}`),
  );
  fc.assert(
    fc.property(fc.array(item, { maxLength: 8 }), fc.boolean(), (items, twoLines) => {
      const half = twoLines ? Math.floor(items.length / 2) : items.length;
      const call = stripped([
        ...['Sec-WebSocket-Protocol', items.slice(0, half).join(', ')],
        ...['sec-websocket-protocol', items.slice(half).join(',')],
      ]);
      return ![...call.subprotocols, ...call.headers].some((text) => text.includes(canary));
    }),
    runs,
  );
  t.end();
});

test('any bytes at all are stripped or refused, and nothing else happens', (t) => {
  const text = fc.string({ unit: 'binary', maxLength: 40 });
  fc.assert(
    fc.property(fc.array(text, { maxLength: 10 }), text, (lines, target) => {
      try {
        return stripped(lines, `/${target}`).path.startsWith('/');
      } catch (failure) {
        return failure instanceof Error && failure.name === 'Refusal';
      }
    }),
    runs,
  );
  t.end();
});

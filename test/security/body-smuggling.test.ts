// Differential parsing: the gate reads one JSON document, the upstream's parser another. Policy allows a small model, the
// upstream runs a large one. Every ambiguity parsers are known to resolve differently is refused: duplicate names (first
// or last wins), names written with escapes or in other letter case (Go: CVE-2026-27896), more than one document, byte
// order marks and other encodings, bodies that another media type reads otherwise.

import { test } from 'tap';
import { type Asked, refusedFor, startGate } from '../support/routing-world.ts';

const chat: Asked = {
  method: 'POST',
  path: '/openai/v1/chat/completions',
  headers: { 'content-type': 'application/json' },
};

const smuggled: readonly (readonly [what: string, body: string | Buffer, reason: string])[] = [
  ['a second model last', '{"model":"small","x":1,"model":"large"}', 'body_field_ambiguous'],
  ['the same model twice', '{"model":"small","model":"small"}', 'body_field_ambiguous'],
  ['stream twice', '{"model":"small","stream":false,"stream":true}', 'body_field_ambiguous'],
  ['a name spelt with an escape', '{"model":"small","mod\\u0065l":"large"}', 'body_field_ambiguous'],
  ['only a name spelt with an escape', '{"mod\\u0065l":"large"}', 'body_field_ambiguous'],
  ['a name in capitals', '{"model":"small","MODEL":"large"}', 'body_field_ambiguous'],
  ['only a name in other case', '{"Model":"large"}', 'body_field_ambiguous'],
  ['a name with U+017F', '{"model":"small","\u017ftream":true}', 'body_field_ambiguous'],
  ['a name with an escaped U+017F', '{"model":"small","\\u017Ftream":true}', 'body_field_ambiguous'],
  ['a name that C ends early', '{"model":"small","model\\u0000":"large"}', 'body_field_ambiguous'],
  ['two documents', '{"model":"small"}{"model":"large"}', 'body_malformed'],
  ['two documents, a line each', '{"model":"small"}\n{"model":"large"}', 'body_malformed'],
  ['text after the document', '{"model":"small"} x', 'body_malformed'],
  ['a NUL after the document', '{"model":"small"}\0', 'body_malformed'],
  ['a comment', '{"model":"small"/*,"model":"large"*/}', 'body_malformed'],
  ['a comma too many', '{"model":"small",}', 'body_malformed'],
  ['single quotes', "{'model':'large'}", 'body_malformed'],
  ['NaN', '{"model":"small","temperature":NaN}', 'body_malformed'],
  ['a number with a leading zero', '{"model":"small","n":01}', 'body_malformed'],
  ['a raw line break in a string', '{"model":"small","x":"a\nb"}', 'body_malformed'],
  ['an unknown escape', '{"model":"sm\\all"}', 'body_malformed'],
  ['half an escape', '{"model":"small\\u00"}', 'body_malformed'],
  ['a byte order mark', '\ufeff{"model":"small"}', 'body_malformed'],
  ['UTF-16', Buffer.from('{"model":"small"}', 'utf16le'), 'body_malformed'],
  ['overlong UTF-8', Buffer.from([...Buffer.from('{"model":"'), 0xc0, 0xaf, 0x22, 0x7d]), 'body_malformed'],
  ['a surrogate in UTF-8', Buffer.from([...Buffer.from('{"model":"'), 0xed, 0xa0, 0x80, 0x22, 0x7d]), 'body_malformed'],
  ['half a surrogate pair', '{"model":"small\\ud800"}', 'body_malformed'],
  ['a NUL in the model', '{"model":"small\\u0000-large"}', 'body_malformed'],
  ['a line break in the model', '{"model":"small\\nlarge"}', 'body_malformed'],
  ['a model of 10,000 letters', `{"model":"${'a'.repeat(10_000)}"}`, 'body_malformed'],
  ['a model that is a list', '{"model":["small","large"]}', 'body_malformed'],
  ['a model that is null', '{"model":null}', 'body_malformed'],
  ['stream as text', '{"model":"small","stream":"true"}', 'body_malformed'],
  ['a list', '[{"model":"small"}]', 'body_malformed'],
  ['a string', '"model"', 'body_malformed'],
  ['only space', '  ', 'body_malformed'],
  ['an end too early', '{"model":"small"', 'body_malformed'],
];

test('bodies that can be read in two ways are refused', async (t) => {
  const gate = await startGate(t, [{ preset: 'openai' }]);
  for (const [what, body, reason] of smuggled) {
    t.equal(refusedFor(await gate.ask({ ...chat, body })), reason, what);
  }
});

test('the same in chunks', async (t) => {
  const gate = await startGate(t, [{ preset: 'openai' }]);
  for (const [what, body, reason] of smuggled.slice(0, 12)) {
    t.equal(refusedFor(await gate.ask({ ...chat, body, chunked: true })), reason, what);
  }
});

const plain = '{"model":"small"}';
const typed: readonly (readonly [what: string, headers: Record<string, string | string[]>, reason: string])[] = [
  ['no media type', {}, 'body_malformed'],
  ['a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'body_malformed'],
  ['multipart where none is expected', { 'content-type': 'multipart/form-data; boundary=x' }, 'body_malformed'],
  ['text', { 'content-type': 'text/plain' }, 'body_malformed'],
  ['another charset', { 'content-type': 'application/json; charset=utf-7' }, 'body_malformed'],
  ['a charset twice', { 'content-type': 'application/json; charset=utf-8; charset=utf-16' }, 'body_malformed'],
  ['compressed', { 'content-type': 'application/json', 'content-encoding': 'gzip' }, 'body_malformed'],
  ['JSON in UTF-8', { 'content-type': 'application/json; charset=UTF-8' }, 'routed'],
  ['a JSON type of a vendor', { 'content-type': 'application/vnd.api+json' }, 'routed'],
  ['said to be as it is', { 'content-type': 'application/json', 'content-encoding': 'identity' }, 'routed'],
];

test('a body must be sent as what it is read as', async (t) => {
  const gate = await startGate(t, [{ preset: 'openai' }]);
  for (const [what, headers, reason] of typed) {
    t.equal(refusedFor(await gate.ask({ ...chat, headers, body: plain })), reason, what);
  }
});

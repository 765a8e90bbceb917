// Attack: one signed text, two readings. With a member twice, one parser sees `sub: alice`, the next `sub: admin`; deep
// nesting exhausts a recursive reader; size makes every hash and copy expensive. What is not plain is refused.

import fc from 'fast-check';
import { test } from 'tap';
import { Secret } from '../../src/base/secret.ts';
import { parseStrictJson } from '../../src/identity/strict-json.ts';
import { startSeconds } from '../support/identity-issuer.ts';
import { identityWorld, reasonOf } from '../support/identity-world.ts';

const header = '{"alg":"ES256","typ":"JWT","kid":"key-1"}';

test('duplicate members, plain or escaped, at any depth', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const rest = `"iss":"${issuer.url}","aud":"postern","iat":${startSeconds},"exp":${startSeconds + 300}`;
  const texts: [string, string][] = [
    [header, `{"sub":"alice",${rest},"sub":"admin"}`],
    [header, `{"sub":"alice",${rest},"\\u0073ub":"admin"}`],
    [header, `{"sub":"alice",${rest},"act":{"sub":"a","sub":"b"}}`],
    [header, `{"sub":"alice",${rest},"x":[{"a":1,"b":{"c":1,"c":2}}]}`],
    ['{"alg":"none","alg":"ES256","kid":"key-1"}', `{"sub":"alice",${rest}}`],
  ];
  for (const [head, claims] of texts) {
    t.equal(
      await reasonOf(identity.verify(new Secret(issuer.mintText(head, claims)))),
      'token_malformed',
      claims.slice(-40),
    );
  }
  const harmless = `{"sub":"al\\"ice:{","x":{"sub":1},"y":["sub","sub"],${rest}}`;
  t.equal(await reasonOf(identity.verify(new Secret(issuer.mintText(header, harmless)))), 'not refused');
});

test('claims and headers that are no JSON object', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  for (const claims of ['[]', 'null', '"x"', '1', '{', '', '\ufeff{}', '{"a":1}x', "{'a':1}"]) {
    t.equal(await reasonOf(identity.verify(new Secret(issuer.mintText(header, claims)))), 'token_malformed', claims);
  }
  t.equal(await reasonOf(identity.verify(new Secret(issuer.mintText('[1]', '{}')))), 'token_malformed');
  t.equal(await reasonOf(identity.verify(new Secret(issuer.mintText('{}', '{}')))), 'token_algorithm_refused');
});

test('members with names of the prototype are data', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const claims = `{"__proto__":{"sub":"admin"},"iss":"${issuer.url}","aud":"postern","exp":${startSeconds + 300}}`;
  t.equal(
    await reasonOf(identity.verify(new Secret(issuer.mintText(header, claims)))),
    'token_claims_invalid',
    'no sub',
  );
});

test('oversize tokens are refused before they are hashed or parsed', async (t) => {
  const { identity, issuer } = await identityWorld(t);
  const padded = async (size: number) =>
    reasonOf(identity.verify(new Secret(await issuer.mint({ pad: 'x'.repeat(size) }))));
  t.equal(await padded(8_000), 'not refused');
  t.equal(await padded(13_000), 'token_oversize');
  t.equal(await reasonOf(identity.verify(new Secret('.'.repeat(1_000_000)))), 'token_oversize');
});

test('nesting is bounded, in claims at large and in act', async (t) => {
  const trust = () => ({ principal: 'user', workload_when: undefined });
  const { identity, issuer } = await identityWorld(t, { trust });
  const nested = (depth: number) => JSON.parse(`${'['.repeat(depth)}${']'.repeat(depth)}`);
  const acting = (depth: number) => {
    let act: object | undefined;
    for (let i = 0; i < depth; i += 1) act = { sub: `a${i}`, ...(act === undefined ? {} : { act }) };
    return act;
  };
  const verify = async (claims: Record<string, unknown>) =>
    reasonOf(identity.verify(new Secret(await issuer.mint(claims))));
  t.equal(await verify({ x: nested(31) }), 'not refused');
  t.equal(await verify({ x: nested(32) }), 'token_malformed');
  t.equal(await verify({ x: nested(4_000) }), 'token_malformed');
  t.equal(await verify({ act: acting(16) }), 'not refused');
  t.equal(await verify({ act: acting(17) }), 'chain_too_deep');
  t.equal(await verify({ act: acting(300) }), 'token_malformed');
});

test('strict JSON reads what JSON reads, wherever no member is doubled', (t) => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5 }), (value) => {
      const text = JSON.stringify(value);
      t.strictSame(parseStrictJson(text), JSON.parse(text));
    }),
    { seed: 1, numRuns: 200 },
  );
  t.end();
});

test('any text at all is a token or a refusal', async (t) => {
  const { identity } = await identityWorld(t);
  const segment = fc.oneof(
    fc.base64String(),
    fc.string(),
    fc.json().map((text) => Buffer.from(text).toString('base64url')),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(segment, { maxLength: 4 }), async (segments) => {
      const reason = await reasonOf(identity.verify(new Secret(segments.join('.'))));
      return reason.startsWith('token_');
    }),
    { seed: 1, numRuns: 300 },
  );
});
